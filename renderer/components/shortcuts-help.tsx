import { useEffect, useRef, useState } from 'react';
import { areShortcutsOn, switchShortcuts } from '../shortcuts.ts';
import { Icon } from './icon.tsx';

const all: readonly (readonly [keys: string, what: string])[] = [
  ['g o', 'Overview'],
  ['g r', 'Rooms'],
  ['g p', 'Peers'],
  ['g k', 'Keys'],
  ['g f', 'Federation log'],
  ['/', 'Filter'],
  ['j k', 'Next, previous row'],
  ['↵', 'Open'],
  ['Esc', 'Close, back'],
  ['p', 'Pause the log'],
  ['c', 'Copy as cURL'],
  ['r', 'Retry a peer'],
  ['?', 'This help'],
];

/** All keys, and the switch that turns single ones off. */
export function ShortcutsHelp({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOn, setOn] = useState(areShortcutsOn);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="shortcuts" onClose={onClose}>
      <div className="dialog-head">
        <h2 id="shortcuts" className="grow">
          Keys
        </h2>
        <button type="button" className="btn btn-icon btn-quiet" aria-label="Close" onClick={onClose}>
          <Icon name="x" />
        </button>
      </div>
      <dl className="shortcuts">
        {all.map(([keys, what]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <div className="dialog-foot">
        <label className="check">
          <input
            type="checkbox"
            checked={isOn}
            onChange={({ target }) => {
              switchShortcuts(target.checked);
              setOn(target.checked);
            }}
          />
          Single keys do something (Esc always does)
        </label>
      </div>
    </dialog>
  );
}
