import type { RemoteKeyStatus } from '../../shared/views.ts';
import { useTime } from '../clock.ts';
import { Status } from './status.tsx';

/** Keys are fetched anew before their end; one that nobody answers for runs out. Many servers say no more than a day. */
const soonShare = 1 / 8;

export type KeyStanding = 'ok' | 'soon' | 'past' | 'old';

type DatedKey = Pick<RemoteKeyStatus, 'expiredTs' | 'usableUntilTs' | 'fetchedTs'>;

/** How far a remote key can be used: an old one only for old events, one past its time only for events before it. */
export function standingOf(key: DatedKey, now: number): KeyStanding {
  if (key.expiredTs !== undefined) return 'old';
  if (key.usableUntilTs < now) return 'past';
  return key.usableUntilTs - now < (key.usableUntilTs - key.fetchedTs) * soonShare ? 'soon' : 'ok';
}

export function KeyStatus({ of }: { readonly of: DatedKey }) {
  const standing = useTime((now) => standingOf(of, now));
  switch (standing) {
    case 'old':
      return (
        <Status kind="mute" glyph="info">
          old key
        </Status>
      );
    case 'past':
      return <Status kind="warn">past its time</Status>;
    case 'soon':
      return <Status kind="info">ends soon</Status>;
    default:
      return <Status kind="ok">ok</Status>;
  }
}
