import type { EventId, ServerName } from '../../shared/ids.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { isObject } from '../protocol/json.ts';

interface Hints {
  readonly askAlso: readonly ServerName[];
  readonly onProgress: (phase: 'keys' | 'signatures', done: number, total: number) => void;
}

const batch = 200;
/** For all servers together, some of which have been gone for years. */
const keysDeadlineMs = 30_000;
/** By then all keys are there that can be had. */
const batchDeadlineMs = 2_000;

/**
 * The events of a whole room that are signed as they must be, in their order. The keys of all servers are fetched first
 * and at once, by the newest event of each key; events whose key nobody has are not asked about again, so that a hundred
 * dead servers cost one deadline and not a hundred.
 */
export async function verifyAll(
  events: readonly RoomEvent[],
  keyring: Pick<Keyring, 'verifyEvents'>,
  { askAlso, onProgress }: Hints,
): Promise<readonly RoomEvent[]> {
  const samples = new Map<string, RoomEvent>();
  for (const event of events) {
    const known = samples.get(signerOf(event));
    if (known === undefined || known.originServerTs < event.originServerTs) samples.set(signerOf(event), event);
  }
  onProgress('keys', 0, samples.size);
  const sampled = await keyring.verifyEvents([...samples.values()], { askAlso, deadlineMs: keysDeadlineMs });
  onProgress('keys', samples.size, samples.size);
  const isKeyMissing = (event: RoomEvent) => {
    const sample = samples.get(signerOf(event));
    return sample !== undefined && sampled.get(sample.eventId)?.keyMissing === true;
  };

  const verifiable = events.filter((event) => !isKeyMissing(event));
  const good = new Set<EventId>();
  for (let start = 0; start < verifiable.length; start += batch) {
    onProgress('signatures', start, verifiable.length);
    const part = verifiable.slice(start, start + batch);
    const verdicts = await keyring.verifyEvents(part, { askAlso, deadlineMs: batchDeadlineMs });
    for (const { eventId } of part) if (verdicts.get(eventId)?.ok === true) good.add(eventId);
  }
  onProgress('signatures', verifiable.length, verifiable.length);
  return events.filter(({ eventId }) => good.has(eventId));
}

/** The sender's server and the keys by which it says to have signed: events that have both in common share their fate. */
function signerOf({ origin, pdu }: RoomEvent): string {
  const { signatures } = pdu;
  const own = isObject(signatures) && Object.hasOwn(signatures, origin) ? signatures[origin] : undefined;
  return [origin, ...(isObject(own) ? Object.keys(own).sort() : [])].join(' ');
}
