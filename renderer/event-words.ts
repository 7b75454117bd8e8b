import type { PduSource } from '../shared/flow.ts';
import type { EventDetail } from '../shared/views.ts';

/** How an event came to us. */
export const sourceWords: Readonly<Record<PduSource, string>> = {
  live: 'sent to us in a transaction',
  missing: 'fetched, since another event was built on it',
  backfill: 'fetched with older history',
  join: 'received with the room, when it was joined',
  outlier: 'fetched as an auth or state event',
  local: 'made by this server',
};

interface EventVerdict {
  readonly sentence: string;
  readonly more: string;
}

/** What became of an event, in a sentence, and what that means for those who look at the room. */
export function eventVerdict({ outcome, rule, outlier, redactedBy }: EventDetail): EventVerdict {
  const because = rule === undefined ? '' : ` by the rule “${rule}”`;
  switch (outcome) {
    case 'rejected':
      return {
        sentence: `Rejected${because}`,
        more: 'No client shows it, and it changes nothing. It stays stored, with the reason, as part of the graph.',
      };
    case 'softFailed':
      return {
        sentence: `Soft-failed${because}`,
        more: 'It was allowed when it was written, but is not any more. Clients here do not get it; other servers may build on it.',
      };
    case 'parked':
      return {
        sentence: `Waiting${because}`,
        more: 'It is stored, and judged when what is missing has been found.',
      };
    case 'redacted':
      return {
        sentence: `Accepted without its content${because}`,
        more: 'Its content is not what its sender hashed, so only what a redaction leaves was kept.',
      };
    default:
      if (redactedBy !== undefined)
        return { sentence: 'Accepted, and redacted since', more: 'Its content was taken back by a later event.' };
      return outlier
        ? {
            sentence: 'Known as an outlier',
            more: 'It is kept because other events cite it; its place in the timeline is not known.',
          }
        : { sentence: 'Accepted', more: 'All checks were passed: it is part of the room.' };
  }
}
