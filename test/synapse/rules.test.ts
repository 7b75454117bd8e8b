import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { neededAuthEvents } from '../../main/protocol/auth-events.ts';
import { type Encodable, writeJson } from '../../main/protocol/canonical-json.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { type StateMap, splitStateKey } from '../../main/protocol/state-map.ts';
import { resolveSets, sourceFrom } from '../../main/protocol/state-res.ts';
import { memberRows } from '../support/auth-rows/member.ts';
import { powerLevelRows } from '../support/auth-rows/power-levels.ts';
import { roomRows } from '../support/auth-rows/room.ts';
import { type Trial, trialsOf } from '../support/auth-table.ts';
import { playRoom, randomSteps } from '../support/random-room.ts';
import { noSynapse } from '../support/synapse.ts';

/** What Synapse's own modules say to each question. */
function askSynapse(questions: readonly Encodable[]): readonly unknown[] {
  const python = join(process.env['HEARTH_TEST_SYNAPSE'] ?? '', 'bin/python');
  const script = join(import.meta.dirname, '../support/synapse_rules.py');
  const input = questions.map(writeJson).join('\n');
  const { stdout, stderr, status } = spawnSync(python, [script], { input, maxBuffer: 1e9, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const answers = stdout.trimEnd().split('\n');
  expect(answers).toHaveLength(questions.length);
  return answers.map((answer) => JSON.parse(answer));
}

const told = ({ eventId, pdu, content }: RoomEvent) => ({ id: eventId, pdu: { ...pdu, content } });

/** Where Synapse's answer is another, and ours is the specification's. */
function isKnownDifference({ rule, what, allowed }: Trial): boolean {
  if (rule === 'authorising server signed') return !allowed; // it looks at these signatures elsewhere
  if (rule === 'third-party invite is redeemed') return allowed; // the table's signatures are none
  if (rule === 'users have levels') return what === 'true'; // which is an integer in Python
  return rule === 'sender may redact' && what === 'of nothing'; // which does no harm
}

test('Synapse judges as we do, in all room versions', ({ skip }) => {
  if (noSynapse) skip(noSynapse);
  const trials = [...trialsOf([...roomRows, ...memberRows, ...powerLevelRows])].map(({ make }) => make());
  const questions = trials.map(({ version, event, state }) => {
    const keys = [...neededAuthEvents(event).map(splitStateKey), ['m.room.create', ''] as const];
    const events = new Set(keys.map(([type, key]) => state.get(type, key)).filter((each) => each !== undefined));
    return { version, room: event.roomId, judge: { event: told(event), state: [...events].map(told) } };
  });
  const others = askSynapse(questions).flatMap((objection, index) => {
    const trial = trials[index] as Trial;
    const { version, rule, what, allowed } = trial;
    const agrees = (objection === '') === allowed || isKnownDifference(trial);
    return agrees ? [] : [`version ${version}: ${rule}: ${what}: ${allowed ? objection : 'allowed'}`];
  });
  expect(others).toEqual([]);
});

test.for(['1', '2', '10', '12'])('Synapse resolves random rooms of version %s as we do', (version, { skip }) => {
  if (noSynapse) skip(noSynapse);
  const listed = (state: StateMap) => [...state].map(([key, id]) => [...splitStateKey(key), id]);
  const questions: Encodable[] = [];
  const ours: StateMap[] = [];
  for (const steps of fc.sample(randomSteps, { numRuns: 100, seed: 1 })) {
    playRoom(version, steps, ({ room: { rules, roomId, events }, sets }) => {
      const state = resolveSets(rules, sets, sourceFrom(events, sets));
      questions.push({
        version,
        room: roomId,
        resolve: { events: [...events.values()].map(told), sets: sets.map(listed) },
      });
      ours.push(state);
      return state;
    });
  }
  const sorted = (entries: unknown) => (entries as readonly string[][]).map((entry) => entry.join(' ')).sort();
  expect(askSynapse(questions).map(sorted)).toEqual(ours.map((state) => sorted(listed(state))));
  expect(ours.length).toBeGreaterThan(300);
});
