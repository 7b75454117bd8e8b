import type { ReactNode } from 'react';
import type { Kind } from '../looks.ts';
import { Icon, type IconName } from './icon.tsx';
import { Status } from './status.tsx';

interface TileProps {
  readonly icon: IconName;
  readonly title: string;
  readonly status?: { readonly kind: Kind; readonly word: string } | undefined;
  readonly value: ReactNode;
  readonly children?: ReactNode;
}

/** One number of the overview, and a line on what it means. */
export function Tile({ icon, title, status, value, children }: TileProps) {
  return (
    <div className="tile">
      <h3>
        <Icon name={icon} />
        {title}
        {status !== undefined && <Status kind={status.kind}>{status.word}</Status>}
      </h3>
      <div className="v">{value}</div>
      <p>{children}</p>
    </div>
  );
}
