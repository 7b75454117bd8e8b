import type { Attention } from '../../shared/views.ts';
import { Icon } from './icon.tsx';
import { When } from './when.tsx';

/** What the owner should look at: what, why, since when, and the screen that helps. */
export function Attentions({ attention }: { readonly attention: readonly Attention[] }) {
  return (
    <section className="section" aria-labelledby="attention">
      <div className="section-head">
        <h2 id="attention">Needs attention</h2>
        <span className="grow">{attention.length}</span>
      </div>
      <ul className="box">
        {attention.map(({ severity, what, why, since, href }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may say the same, and rows hold no state
          <li key={index} className={`stepline nonum is-${severity}`}>
            <Icon name={severity} />
            <div>
              <b>{what}</b>
              <p>{why}</p>
            </div>
            <div className="row">
              {since !== undefined && (
                <span className="faint small">
                  <When ts={since} />
                </span>
              )}
              {href !== undefined && (
                <a className="btn" href={`#${href}`} aria-label={`Show: ${what}`}>
                  Show
                </a>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
