import { useRef } from 'react';
import { useShortcuts } from '../shortcuts.ts';
import { Icon } from './icon.tsx';

interface ListFilterProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Beside the box: quick views. */
  readonly children?: React.ReactNode;
}

/** Narrows a list by what one types. */
export function ListFilter({ label, value, onChange, children }: ListFilterProps) {
  const input = useRef<HTMLInputElement>(null);
  useShortcuts({ '/': () => input.current?.focus() });
  return (
    // biome-ignore lint/a11y/useSemanticElements: the oldest Chromium that we run on does not know <search>
    <div className="filter" role="search">
      <div className="filter-box">
        <Icon name="search" />
        <input
          ref={input}
          aria-label={label}
          placeholder={label}
          value={value}
          spellCheck={false}
          autoComplete="off"
          onChange={({ target }) => onChange(target.value)}
          onKeyDown={({ key, currentTarget }) => {
            if (key === 'Escape') currentTarget.blur();
          }}
        />
        <kbd>/</kbd>
      </div>
      {children}
    </div>
  );
}
