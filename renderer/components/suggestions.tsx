import type { Suggestion } from '../suggestions.ts';

interface SuggestionsProps {
  /** The list's id is this and `list`, an option's this and its number. */
  readonly id: string;
  readonly suggestions: readonly Suggestion[];
  readonly chosen: number;
  readonly typed: string;
  readonly onChoose: (index: number) => void;
}

/** What could be typed on, and what it means. */
export function Suggestions({ id, suggestions, chosen, typed, onChoose }: SuggestionsProps) {
  return (
    <div className="complete">
      <div id={`${id}list`} role="listbox" aria-label="Suggestions">
        {suggestions.map(({ word, means }, index) => {
          const known = word.startsWith(typed) ? typed.length : 0;
          return (
            // biome-ignore lint/a11y/useFocusableInteractive: the input has the focus, and points here
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the input's
            <div
              key={word}
              id={`${id}${index}`}
              className="opt"
              role="option"
              aria-selected={index === chosen}
              onMouseDown={(event) => event.preventDefault()} // the input keeps the focus
              onClick={() => onChoose(index)}
            >
              <code>
                {word.slice(0, known)}
                <i>{word.slice(known)}</i>
              </code>
              <span className="clip">{means}</span>
            </div>
          );
        })}
      </div>
      <div className="complete-foot" aria-hidden="true">
        <span>
          <kbd>↑</kbd> <kbd>↓</kbd> choose
        </span>
        <span>
          <kbd>Tab</kbd> complete
        </span>
        <span>plain words search path, ids and errors</span>
      </div>
    </div>
  );
}
