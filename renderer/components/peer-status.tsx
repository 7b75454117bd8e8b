import type { PeerStatus } from '../../shared/views.ts';
import type { IconName } from './icon.tsx';
import { Badge, type Kind, Status } from './status.tsx';

interface Look {
  readonly kind: Kind;
  readonly word: string;
  readonly glyph?: IconName;
}

/** In the order of a list sorted by status: what needs its owner first. */
export const peerLooks: Readonly<Record<PeerStatus['status'], Look>> = {
  backingOff: { kind: 'bad', word: 'backing off' },
  slow: { kind: 'warn', word: 'slow' },
  ok: { kind: 'ok', word: 'ok' },
  neverTried: { kind: 'mute', word: 'never tried', glyph: 'none' },
  blocked: { kind: 'mute', word: 'blocked' },
};

interface PeerStatusProps {
  readonly status: PeerStatus['status'];
  readonly as?: 'status' | 'badge';
}

export function PeerStatusWord({ status, as = 'status' }: PeerStatusProps) {
  const { kind, word, glyph } = peerLooks[status];
  const Form = as === 'badge' ? Badge : Status;
  return (
    <Form kind={kind} glyph={glyph}>
      {word}
    </Form>
  );
}
