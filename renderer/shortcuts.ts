import { useEffect, useRef } from 'react';

type Keys = Readonly<Record<string, () => void>>;

const stored = 'hearth.shortcuts';

/** Single keys can be switched off, for those whose software types them: WCAG 2.1.4. */
export const areShortcutsOn = (): boolean => localStorage.getItem(stored) !== 'off';
export const switchShortcuts = (on: boolean): void => localStorage.setItem(stored, on ? 'on' : 'off');

const inUse = new Set<{ readonly current: Keys }>();
let prefixedAt = 0;

/**
 * Keys without a modifier, anywhere but where one types: `j`, or `g o` for one after the other. `Escape` works always.
 */
export function useShortcuts(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    if (inUse.size === 0) addEventListener('keydown', press);
    inUse.add(latest);
    return () => {
      inUse.delete(latest);
      if (inUse.size === 0) removeEventListener('keydown', press);
    };
  }, []);
}

function press(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key !== 'Escape' && (!areShortcutsOn() || isTyping(event.target))) return;
  if (event.key === 'Enter' && isControl(event.target)) return;
  const isSecond = Date.now() - prefixedAt < 1500;
  prefixedAt = event.key === 'g' ? Date.now() : 0;
  const name = isSecond ? `g ${event.key}` : event.key;
  const action = [...inUse].map(({ current }) => current[name]).find((each) => each !== undefined);
  if (action === undefined) return;
  event.preventDefault();
  action();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.matches('input, textarea, select') || target.closest('dialog') !== null)
  );
}

/** What Enter presses by itself. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('a, button') !== null;
}
