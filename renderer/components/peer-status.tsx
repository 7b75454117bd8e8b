import type { PeerStatus } from '../../shared/views.ts';
import { peerLooks } from '../looks.ts';
import { Badge, Status } from './status.tsx';

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
