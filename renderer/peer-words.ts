import type { PeerDetail } from '../shared/views.ts';
import type { IconName } from './components/icon.tsx';
import { plural, took, upperFirst } from './format.ts';
import type { Kind } from './looks.ts';

interface PeerVerdict {
  readonly kind: Kind;
  readonly glyph?: IconName;
  readonly sentence: string;
  readonly more: string;
}

/** How a peer stands, in a sentence, and what follows from it. */
export function peerVerdict(peer: PeerDetail): PeerVerdict {
  const { status, server, failures, lastError, queuedPdus, latencyMs } = peer;
  switch (status) {
    case 'backingOff': {
      const waiting =
        queuedPdus === 0
          ? ''
          : ` ${plural(queuedPdus, 'event waits', 'events wait')} here and will be sent when it is back.`;
      const why = lastError === undefined ? '' : `${upperFirst(lastError)}. `;
      return {
        kind: 'bad',
        sentence: `${server} does not answer`,
        more: `${why}${plural(failures, 'try has', 'tries have')} failed.${waiting} Any signed request from it ends the wait at once.`,
      };
    }
    case 'slow':
      return {
        kind: 'warn',
        sentence: `${server} is slow`,
        more: latencyMs === undefined ? 'It answers late.' : `Half of its answers take longer than ${took(latencyMs)}.`,
      };
    case 'blocked':
      return {
        kind: 'mute',
        sentence: `${server} is blocked`,
        more: 'It is not asked, and not answered: the federation mode leaves it out.',
      };
    case 'neverTried':
      return {
        kind: 'mute',
        glyph: 'none',
        sentence: `${server} was never tried`,
        more: 'Nothing had to be sent to it yet.',
      };
    default:
      return {
        kind: 'ok',
        sentence: `${server} answers`,
        more: latencyMs === undefined ? 'Its last reply was a good one.' : `Usually within ${took(latencyMs)}.`,
      };
  }
}
