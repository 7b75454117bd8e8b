import { expect, test } from 'vitest';
import { type JsonObject, parseJson } from '../../main/protocol/json.ts';
import type { OutcomeKind, ReceiptStep } from '../../shared/flow.ts';
import type { JoinedRoom, Pdu, Scene } from './hostile-scene.ts';

/** A PDU that something is wrong with, and what is to become of it. */
export interface BadPdu {
  readonly what: string;
  /** Of the room. Default: one of each event format and JSON strictness. */
  readonly versions?: readonly string[];
  readonly make: (room: JoinedRoom, scene: Scene) => Pdu | Promise<Pdu>;
  readonly outcome: OutcomeKind;
  readonly step?: ReceiptStep;
  readonly rule?: string;
  readonly reason?: RegExp;
  /** Nobody can tell which ID it has, so that the reply cannot speak of it. */
  readonly nameless?: true;
}

/** A message that is not on the tip of the room as the peer knows it: it stays aside. */
export const aside = (room: JoinedRoom, content: JsonObject = {}, fields: JsonObject = {}): JsonObject =>
  room.event('m.room.message', { msgtype: 'm.text', body: 'bad', ...content }, fields, { aside: true });

/** A good message, spoilt after it was signed. */
export const spoilt = (room: JoinedRoom, change: JsonObject): JsonObject => ({ ...aside(room), ...change });

/** What the JSON of a PDU says. */
export const said = (pdu: Pdu): JsonObject => (typeof pdu === 'string' ? (parseJson(pdu).value as JsonObject) : pdu);

const isRefused = (outcome: OutcomeKind) => outcome === 'dropped' || outcome === 'rejected';

/**
 * A test for each row and room version: the PDU in a transaction of its own. The reply is 200 with an error for what was
 * refused, the inspector tells its outcome and why, the room is as before, and the next good message gets in.
 */
export function testBadPdus(scene: () => Scene, rows: readonly BadPdu[]): void {
  const cases = rows.flatMap(({ versions = ['1', '5', '11', '12'], ...bad }) =>
    versions.map((version) => ({ ...bad, version })),
  );
  test.each(cases)('$what, in room version $version: $outcome', async ({ version, make, nameless, ...bad }) => {
    const { outcome, step, rule, reason } = bad;
    const room = await scene().room(version);
    const pdu = await make(room, scene());
    await room.mark();
    const { status, results, flow } = await scene().deliver([pdu]);

    expect(flow.pdus).toMatchObject([
      {
        outcome,
        ...(step && { step }),
        ...(rule && { rule }),
        ...(reason && { reason: expect.stringMatching(reason) }),
      },
    ]);
    expect(status).toBe(200);
    const eventId = nameless ? undefined : room.idOf(said(pdu));
    const result = isRefused(outcome) ? { error: flow.pdus[0]?.reason } : {};
    expect(results).toEqual(eventId === undefined ? {} : { [eventId]: result });

    const isShown = eventId !== undefined && (outcome === 'accepted' || outcome === 'redacted');
    await room.expectOnly(isShown ? [eventId] : []);
  });
}
