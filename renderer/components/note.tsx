import type { ReactNode } from 'react';
import type { Kind } from '../looks.ts';
import { Icon, type IconName } from './icon.tsx';

interface NoteProps {
  readonly kind: Kind;
  readonly children: ReactNode;
  readonly glyph?: IconName;
  /** A button at its end. */
  readonly action?: ReactNode;
  /** `alert` for what happened while one was looking elsewhere. */
  readonly role?: 'alert' | 'status' | undefined;
  readonly className?: string;
}

/** A few sentences that stay where they belong. */
export function Note({ kind, children, glyph = kind, action, role, className = '' }: NoteProps) {
  return (
    <div className={`note ${kind === 'mute' ? '' : `is-${kind}`} ${className}`} role={role}>
      <Icon name={glyph} className={`is-${kind} tint`} />
      <div className="grow">{children}</div>
      {action}
    </div>
  );
}
