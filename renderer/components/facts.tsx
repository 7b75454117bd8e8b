import type { ReactNode } from 'react';

/** Labels and values. A value that is not known leaves its row out. */
export function Facts({ of }: { readonly of: Readonly<Record<string, ReactNode>> }) {
  return (
    <dl className="facts">
      {Object.entries(of).map(([label, value]) =>
        value === undefined || value === null ? null : <Fact key={label} label={label} value={value} />,
      )}
    </dl>
  );
}

function Fact({ label, value }: { readonly label: string; readonly value: ReactNode }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </>
  );
}
