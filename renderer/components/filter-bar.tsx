import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import type { FlowSummary } from '../../shared/flow.ts';
import { type Chip, parseFilter, writeFilter } from '../flow-filter.ts';
import { useShortcuts } from '../shortcuts.ts';
import { suggest } from '../suggestions.ts';
import { FilterChip } from './filter-chip.tsx';
import { Icon } from './icon.tsx';
import { Suggestions } from './suggestions.tsx';

interface FilterBarProps {
  readonly chips: readonly Chip[];
  readonly text: string;
  /** What is in the log: values are suggested from it. */
  readonly flows: readonly FlowSummary[] | undefined;
  /** Gets the whole filter, as it would be typed. */
  readonly onChange: (filter: string) => void;
}

/** Text is searched for when one has stopped typing. */
const patience = 300;
const noContext = { now: 0, roomCalled: () => '!' };

/** Words of the filter's grammar as chips, and a box for the next one, which says what can be typed. */
export function FilterBar({ chips, text, flows = [], onChange }: FilterBarProps) {
  const [typed, setTyped] = useState(text);
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useShortcuts({ '/': () => input.current?.focus() });
  const asked = writeFilter(chips, text);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a view was chosen, or the address changed
  useEffect(() => setTyped(text), [asked]);

  const apply = (next: string, others: readonly Chip[] = chips) => {
    const { chips: more, text: rest } = parseFilter(next, noContext);
    const kept = others.filter(({ key }) => !more.some((chip) => chip.key === key)); // the newer of one key holds
    setTyped(rest);
    setChosen(-1);
    onChange(writeFilter([...kept, ...more], rest));
  };
  const type = (next: string) => {
    setTyped(next);
    setChosen(-1);
    if (/\S:\S+\s$/.test(next)) apply(next); // a finished word becomes a chip
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing starts the clock
  useEffect(() => {
    if (typed.trim() === text || typed.includes(':')) return;
    const timer = setTimeout(() => onChange(writeFilter(chips, typed)), patience);
    return () => clearTimeout(timer);
  }, [typed]);

  const [, before = '', word = ''] = /^(.*?)(\S*)$/s.exec(typed) ?? [];
  const suggestions = isOpen ? suggest(word, flows) : [];
  const complete = (index: number) => {
    const suggestion = suggestions[index];
    if (suggestion === undefined) return;
    const next = before + suggestion.word;
    if (suggestion.word.endsWith(':')) type(next);
    else apply(next);
  };
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    const { key } = event;
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (step !== undefined && suggestions.length > 0) {
      setChosen((chosen + step + suggestions.length) % suggestions.length);
    } else if (key === 'Enter') {
      if (chosen >= 0) complete(chosen);
      else apply(typed);
    } else if (key === 'Tab' && word !== '' && suggestions.length > 0 && !event.shiftKey) {
      complete(Math.max(0, chosen));
    } else if (key === 'Backspace' && typed === '' && chips.length > 0) {
      apply('', chips.slice(0, -1));
    } else if (key === 'Escape' && isOpen) {
      setOpen(false);
      input.current?.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const hasList = suggestions.length > 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: the oldest Chromium that we run on does not know <search>
    <div className="filter" role="search">
      <div className="filter-box">
        <Icon name="search" />
        {chips.map((chip) => (
          <FilterChip
            key={`${chip.key}:${chip.value}`}
            chip={chip}
            onRemove={() =>
              apply(
                typed,
                chips.filter((each) => each !== chip),
              )
            }
          />
        ))}
        <input
          ref={input}
          role="combobox"
          aria-label="Filter the federation log"
          aria-expanded={hasList}
          aria-controls={`${id}list`}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${id}${chosen}` : undefined}
          autoComplete="off"
          spellCheck={false}
          placeholder={chips.length === 0 ? 'peer:  dir:  ep:  room:  status:  outcome:  since:  or any text' : ''}
          value={typed}
          onChange={({ target }) => {
            setOpen(true);
            type(target.value);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={press}
        />
        <kbd>/</kbd>
        {hasList && <Suggestions id={id} suggestions={suggestions} chosen={chosen} typed={word} onChoose={complete} />}
      </div>
    </div>
  );
}
