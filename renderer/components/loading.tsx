import type { ReactNode } from 'react';
import { clockTime } from '../format.ts';
import type { Loaded } from '../use-live.ts';
import { Icon } from './icon.tsx';
import { Note } from './note.tsx';

interface LoadingProps<T> {
  readonly of: Loaded<T>;
  /** 'The log', as the subject of "could not be read". */
  readonly what: string;
  readonly children: (data: T) => ReactNode;
}

/** Shows data as soon as it is there, and goes on showing it, dated, when a later load fails. */
export function Loading<T>({ of, what, children }: LoadingProps<T>) {
  return (
    <>
      {of.failure !== undefined && <Failed of={of} what={what} />}
      {of.data === undefined
        ? of.failure === undefined && (
            <p className="empty dim" role="status">
              Asking the server…
            </p>
          )
        : children(of.data)}
    </>
  );
}

/** Why a load failed, what is still shown, and a way to try again. */
export function Failed({ of, what }: { readonly of: Omit<Loaded<unknown>, 'data'>; readonly what: string }) {
  const retry = (
    <button type="button" className="btn" onClick={of.retry}>
      <Icon name="retry" />
      Retry
    </button>
  );
  return (
    <Note kind="warn" role="alert" action={retry}>
      <b>
        {what} could not be read: {of.failure}
      </b>
      <p className="dim">
        {of.asOf !== undefined && `Shown as of ${clockTime(of.asOf)}. `}The server itself keeps running.
      </p>
    </Note>
  );
}
