import { type KeyboardEvent, type ReactNode, useId } from 'react';

interface TabsProps<Tab extends string> {
  readonly label: string;
  readonly tabs: readonly { readonly id: Tab; readonly title: ReactNode }[];
  readonly current: Tab;
  readonly onChoose: (tab: Tab) => void;
  /** For the panel that holds its own scrolling. */
  readonly panelClass?: string;
  readonly children: ReactNode;
}

/** Tabs and the panel of the one that is chosen. Arrows move between them, as WAI-ARIA has it. */
export function Tabs<Tab extends string>({
  label,
  tabs,
  current,
  onChoose,
  panelClass = '',
  children,
}: TabsProps<Tab>) {
  const id = useId();
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const index = tabs.findIndex((tab) => tab.id === current);
    const next = tabs[(index + by + tabs.length) % tabs.length];
    if (next === undefined) return;
    onChoose(next.id);
    document.getElementById(`${id}${next.id}`)?.focus();
  };
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${id}${tab.id}`}
            aria-selected={tab.id === current}
            aria-controls={`${id}panel`}
            tabIndex={tab.id === current ? 0 : -1}
            onClick={() => onChoose(tab.id)}
          >
            {tab.title}
          </button>
        ))}
      </div>
      <div
        className={`tabpanel ${panelClass}`}
        role="tabpanel"
        id={`${id}panel`}
        aria-labelledby={`${id}${current}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a keyboard must be able to
        tabIndex={0}
      >
        {children}
      </div>
    </>
  );
}
