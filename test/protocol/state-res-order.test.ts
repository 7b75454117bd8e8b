import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import {
  mainlineOrder as mainlineInSteps,
  reverseTopologicalPowerOrder as powerOrderInSteps,
} from '../../main/protocol/state-res-order.ts';
import { finish } from '../../main/protocol/steps.ts';
import { testRoom } from '../support/pdu-factory.ts';

const mainlineOrder = (...given: Parameters<typeof mainlineInSteps>) => finish(mainlineInSteps(...given));
const reverseTopologicalPowerOrder = (...given: Parameters<typeof powerOrderInSteps>) =>
  finish(powerOrderInSteps(...given));

const alice = '@alice:a.test';
const room = testRoom('11', { creator: alice });

/** An event of which only what orders it matters. */
const event = (eventId: string, originServerTs: number, ...authEvents: readonly RoomEvent[]) =>
  room.event({ type: 'm.room.power_levels', sender: alice, stateKey: '', eventId, originServerTs, authEvents });
const byId = (events: readonly RoomEvent[]) => new Map(events.map((each) => [each.eventId, each]));
const ids = (events: readonly RoomEvent[]) => events.map(({ eventId }) => eventId);

test('by power, then time, then ID', () => {
  const events = [event('$c', 5), event('$b', 5), event('$d', 4), event('$low', 1), event('$creator', 9)];
  const levels: Record<string, number> = { $low: -1, $creator: Number.POSITIVE_INFINITY };
  const ordered = reverseTopologicalPowerOrder(byId(events), ({ eventId }) => levels[eventId] ?? 50);
  expect(ids(ordered)).toEqual(['$creator', '$d', '$b', '$c', '$low']);
});

test('what is cited comes first, however little power its sender has', () => {
  const cited = event('$cited', 9);
  const events = [event('$citing', 1, cited), event('$other', 2), cited];
  const ordered = reverseTopologicalPowerOrder(byId(events), ({ eventId }) => (eventId === '$cited' ? 0 : 50));
  expect(ids(ordered)).toEqual(['$other', '$cited', '$citing']);
});

test('many at once come as sorting would have them', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ ts: fc.nat(5), level: fc.nat(2) }), { maxLength: 60 }), (drafts) => {
      const events = drafts.map(({ ts }, index) => event(`$${String((index * 37) % 101).padStart(3, '0')}`, ts));
      const level = (each: RoomEvent) => drafts[events.indexOf(each)]?.level ?? 0;
      const sorted = [...events].sort(
        (a, b) => level(b) - level(a) || a.originServerTs - b.originServerTs || (a.eventId < b.eventId ? -1 : 1),
      );
      expect(ids(reverseTopologicalPowerOrder(byId(events), level))).toEqual(ids(sorted));
    }),
    { seed: 1 },
  );
});

test('events that cite each other in a circle are left out', () => {
  const one = event('$one', 1);
  const two = event('$two', 1, one);
  const circle = [{ ...one, authEvents: [two.eventId] }, two, event('$three', 1)];
  expect(ids(reverseTopologicalPowerOrder(byId(circle), () => 0))).toEqual(['$three']);
});

test('the mainline orders by how old the power levels are that events rest on', () => {
  const [oldest, side, sideOfSide] = [event('$0', 0), event('$side', 0), event('$sideOfSide', 0)];
  const [middle, newest, unrelated] = [event('$1', 0), event('$2', 0), event('$x', 0)];
  const restsOn = new Map<RoomEvent, RoomEvent>([
    ...([
      [newest, middle],
      [middle, oldest],
      [side, oldest],
      [sideOfSide, side],
    ] as const),
  ]);
  const topic = (id: string, ts: number, levels?: RoomEvent) => {
    const made = event(id, ts);
    if (levels !== undefined) restsOn.set(made, levels);
    return made;
  };
  const topics = [
    topic('$onNewest', 1, newest),
    topic('$onMiddle', 2, middle),
    topic('$onSide', 3, side), // all three of the same age as what rests on the oldest
    topic('$onSideOfSide', 4, sideOfSide),
    topic('$onSideOfSideToo', 5, sideOfSide),
    topic('$onOldest', 6, oldest),
    topic('$onUnrelated', 7, unrelated),
    topic('$onNothing', 8),
  ];
  const ordered = mainlineOrder(topics, newest, (each) => restsOn.get(each));
  expect(ids(ordered)).toEqual([
    ...['$onUnrelated', '$onNothing'],
    ...['$onSide', '$onSideOfSide', '$onSideOfSideToo', '$onOldest'],
    ...['$onMiddle', '$onNewest'],
  ]);
  expect(ids(mainlineOrder(topics, undefined, (each) => restsOn.get(each)))).toEqual(ids(topics));
});

test('power levels that cite each other in a circle end the walk', () => {
  const [one, two] = [event('$one', 1), event('$two', 1)];
  const restsOn = new Map([
    [one, two],
    [two, one],
  ]);
  const topic = event('$topic', 1);
  restsOn.set(topic, one);
  expect(ids(mainlineOrder([topic], one, (each) => restsOn.get(each)))).toEqual(['$topic']);
  expect(ids(mainlineOrder([topic], undefined, (each) => restsOn.get(each)))).toEqual(['$topic']);
});
