import type { RemoteKeyStatus } from '../../shared/views.ts';
import { useTime } from '../clock.ts';
import { Status } from './status.tsx';

/** Keys are fetched anew when they are near their end; one that nobody answers for runs out. */
const soonMs = 24 * 3_600_000;

export type KeyStanding = 'ok' | 'soon' | 'past' | 'old';

/** How far a remote key can be used: an old one only for old events, one past its time only for events before it. */
export function standingOf(key: Pick<RemoteKeyStatus, 'expiredTs' | 'usableUntilTs'>, now: number): KeyStanding {
  if (key.expiredTs !== undefined) return 'old';
  if (key.usableUntilTs < now) return 'past';
  return key.usableUntilTs - now < soonMs ? 'soon' : 'ok';
}

export function KeyStatus({ of }: { readonly of: Pick<RemoteKeyStatus, 'expiredTs' | 'usableUntilTs'> }) {
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
