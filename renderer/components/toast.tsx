import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';
import type { Kind } from '../looks.ts';
import { Icon } from './icon.tsx';

interface Toast {
  readonly kind: Kind;
  readonly title: string;
  readonly text?: string;
}

const ToastContext = createContext<(toast: Toast) => void>(() => {});

/** Tells what became of something that the owner did. Nothing else is told this way; failures stay until closed. */
export const useToast = () => useContext(ToastContext);

const shownFor = 5_000;

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const [toast, setToast] = useState<Toast>();
  const close = useCallback(() => setToast(undefined), []);
  useEffect(() => {
    if (toast === undefined || toast.kind === 'bad') return;
    const timer = setTimeout(close, shownFor);
    return () => clearTimeout(timer);
  }, [toast, close]);
  return (
    <ToastContext value={setToast}>
      {children}
      <div className="toasts" role="status">
        {toast !== undefined && (
          <div className="toast">
            <Icon name={toast.kind} className={`is-${toast.kind} tint`} />
            <div>
              <b>{toast.title}</b>
              {toast.text !== undefined && <p>{toast.text}</p>}
            </div>
            <button type="button" className="btn btn-icon btn-quiet" aria-label="Close" onClick={close}>
              <Icon name="x" />
            </button>
          </div>
        )}
      </div>
    </ToastContext>
  );
}
