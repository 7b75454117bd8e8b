import type { RoomId, ServerName } from '../../shared/ids.ts';
import type { Keyring } from '../network/keyring.ts';
import { BadEvent, parseEvent, type RoomEvent } from '../protocol/event.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';

/** Somebody's word on what a room looks like that we are not in. */
export interface StateFromOutside {
  /** What can be shown: whole events whose signatures hold, and stripped ones, which nobody has signed. */
  readonly usable: readonly JsonObject[];
  /** Those of them that are whole. */
  readonly whole: readonly RoomEvent[];
  /** A sentence for each entry that is left out. */
  readonly doubts: readonly string[];
}

/** More of it helps nobody to know a room. */
const mostEntries = 100;

/**
 * Checks `invite_room_state` and `knock_room_state`, which hold whole events since v1.16 of the specification. Stripped
 * ones, as Synapse sends them, are usable too.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
export async function stateFromOutside(
  entries: readonly JsonValue[],
  room: { readonly roomId: RoomId; readonly rules: RoomVersionRules; readonly from: ServerName },
  keyring: Pick<Keyring, 'verifyEvents'>,
): Promise<StateFromOutside> {
  const parsed: RoomEvent[] = [];
  const usable: JsonObject[] = [];
  const doubts: string[] = [];
  for (const entry of entries.slice(0, mostEntries)) {
    if (isStripped(entry)) {
      usable.push(entry);
      continue;
    }
    try {
      const event = parseEvent(entry, room.rules);
      if (event.roomId === room.roomId) parsed.push(event);
      else doubts.push(`${event.type} is of ${event.roomId}`);
    } catch (error) {
      if (!(error instanceof BadEvent)) throw error;
      doubts.push(error.message);
    }
  }
  const verdicts = await keyring.verifyEvents(parsed, { askAlso: [room.from] });
  const whole = parsed.filter(({ eventId, type }) => {
    const verdict = verdicts.get(eventId);
    if (verdict?.ok !== true) doubts.push(verdict?.why ?? `the signatures of ${type} could not be verified`);
    return verdict?.ok === true;
  });
  return { usable: [...usable, ...whole.map(({ pdu }) => pdu)], whole, doubts };
}

/** No event, but the four fields that clients are shown. */
function isStripped(entry: JsonValue): entry is JsonObject {
  if (!isObject(entry) || entry['signatures'] !== undefined || entry['hashes'] !== undefined) return false;
  const { type, state_key, sender, content } = entry;
  return [type, state_key, sender].every((field) => typeof field === 'string') && isObject(content);
}
