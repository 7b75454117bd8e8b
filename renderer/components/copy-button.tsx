import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';
import { useToast } from './toast.tsx';

/** Copies text, and says so. */
export function CopyButton({ text, children }: { readonly text: string; readonly children: ReactNode }) {
  const toast = useToast();
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => toast({ kind: 'ok', title: 'Copied' }),
      () => toast({ kind: 'bad', title: 'Not copied', text: 'The browser did not allow it.' }),
    );
  return (
    <button type="button" className="btn" onClick={() => void copy()}>
      <Icon name="copy" />
      {children}
    </button>
  );
}
