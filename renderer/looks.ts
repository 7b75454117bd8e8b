import type { OutcomeKind } from '../shared/flow.ts';
import type { PeerStatus } from '../shared/views.ts';

/** What a status amounts to. Each kind has a glyph of its own outline, so that colour is never alone. */
export type Kind = 'ok' | 'warn' | 'bad' | 'soft' | 'info' | 'mute';

/** How an outcome looks and what it is called, on every screen. */
export const outcomeLooks: Readonly<Record<OutcomeKind, { readonly kind: Kind; readonly word: string }>> = {
  accepted: { kind: 'ok', word: 'accepted' },
  rejected: { kind: 'bad', word: 'rejected' },
  softFailed: { kind: 'soft', word: 'soft-failed' },
  dropped: { kind: 'mute', word: 'dropped' },
  parked: { kind: 'info', word: 'waiting' },
  redacted: { kind: 'warn', word: 'redacted' },
  duplicate: { kind: 'mute', word: 'duplicate' },
};

/** The worst first: where there is room for one, it is this. */
export const worstFirst: readonly OutcomeKind[] = [
  'rejected',
  'softFailed',
  'dropped',
  'redacted',
  'parked',
  'accepted',
  'duplicate',
];

interface PeerLook {
  readonly kind: Kind;
  readonly word: string;
  /** Where the kind's own glyph is not the one. */
  readonly glyph?: 'none';
}

/** In the order of a list sorted by status: what needs its owner first. */
export const peerLooks: Readonly<Record<PeerStatus['status'], PeerLook>> = {
  backingOff: { kind: 'bad', word: 'backing off' },
  slow: { kind: 'warn', word: 'slow' },
  ok: { kind: 'ok', word: 'ok' },
  neverTried: { kind: 'mute', word: 'never tried', glyph: 'none' },
  blocked: { kind: 'mute', word: 'blocked' },
};
