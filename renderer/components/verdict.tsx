import type { ReactNode } from 'react';
import type { Kind } from '../looks.ts';
import { Icon, type IconName } from './icon.tsx';

interface VerdictProps {
  readonly kind: Kind;
  readonly sentence: ReactNode;
  readonly glyph?: IconName | undefined;
  readonly children?: ReactNode;
}

/** What a screen has to say, in a sentence; the evidence stands below it. */
export function Verdict({ kind, sentence, glyph = kind, children }: VerdictProps) {
  return (
    <div className="section verdict">
      <Icon name={glyph} className={`is-${kind} tint`} />
      <div>
        <h2>{sentence}</h2>
        {children !== undefined && <p>{children}</p>}
      </div>
    </div>
  );
}
