import type { ReactNode } from 'react';
import type { Kind } from '../looks.ts';
import { Icon, type IconName } from './icon.tsx';

interface StatusProps {
  readonly kind: Kind;
  readonly children: ReactNode;
  /** Where the kind's own glyph is not the one: `none` for what was never tried. */
  readonly glyph?: IconName | undefined;
}

/** Glyph and word, for rows: quiet when good. */
export function Status({ kind, children, glyph = kind }: StatusProps) {
  return (
    <span className={`st is-${kind}`}>
      <Icon name={glyph} />
      {children}
    </span>
  );
}

/** Glyph and word on a ground of the kind's colour: one per row at most. */
export function Badge({ kind, children, glyph = kind }: StatusProps) {
  return (
    <span className={`badge is-${kind}`}>
      <Icon name={glyph} />
      {children}
    </span>
  );
}
