import { Fragment, type ReactNode, useEffect } from 'react';

interface ScreenProps {
  readonly title: string;
  /** The title as shown, where it is more than text. */
  readonly heading?: ReactNode;
  /** The way here: name and address of each screen above. */
  readonly crumbs?: readonly (readonly [name: string, href: string])[];
  /** Beside the title: a status, a few tags. */
  readonly aside?: ReactNode;
  readonly actions?: ReactNode;
  readonly foot?: ReactNode;
  /** The keys that work here, and what they do. */
  readonly keys?: readonly (readonly [keys: string, what: string])[];
  /** The body scrolls nothing itself: what is in it does. */
  readonly flush?: boolean;
  readonly children: ReactNode;
}

/** The frame of every screen: its name and what can be done above, its keys below. */
export function Screen({
  title,
  heading,
  crumbs = [],
  aside,
  actions,
  foot,
  keys = [],
  flush = false,
  children,
}: ScreenProps) {
  useEffect(() => {
    document.title = `${title} · Hearth`;
  }, [title]);
  return (
    <main className="main">
      <header className="head">
        {crumbs.map(([name, href]) => (
          <Fragment key={href}>
            <a className="crumb clip" href={href}>
              {name}
            </a>
            <span className="slash" aria-hidden="true">
              /
            </span>
          </Fragment>
        ))}
        <h1 className="clip" title={title}>
          {heading ?? title}
        </h1>
        {aside}
        <span className="grow" />
        {actions}
      </header>
      <div className={`body ${flush ? 'body-flush' : ''}`} id="main" tabIndex={-1}>
        {children}
      </div>
      <footer className="foot">
        {foot}
        <span className="keys">
          {[...keys, ['?', 'all shortcuts'] as const].map(([each, what]) => (
            <span key={what}>
              {each.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}{' '}
              {what}
            </span>
          ))}
        </span>
      </footer>
    </main>
  );
}
