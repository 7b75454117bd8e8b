import type { DiscoveryTraceStep } from '../../shared/flow.ts';
import { duration, took } from '../format.ts';
import { Icon } from './icon.tsx';

/** The steps of server discovery that were tried, what each was asked and answered, and which one decided. */
export function DiscoverySteps({ steps }: { readonly steps: readonly DiscoveryTraceStep[] }) {
  return (
    <ol className="box">
      {steps.map(numbered).map(({ number, step, input, answer, decided, cacheAgeMs, tookMs }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a step may be tried twice, and a trace does not change
        <li key={index} className={`stepline ${decided ? 'is-ok' : 'is-mute'}`}>
          <Icon name={decided ? 'ok' : 'none'} />
          <span className="no">{number}</span>
          <div>
            <b>{step}</b>
            <p>
              <code>{input}</code> <span className="faint">→</span> {answer}
            </p>
          </div>
          <span className="small faint nowrap">
            {decided && <span className="sr">decided, </span>}
            {cacheAgeMs === undefined ? took(tookMs) : `from ${duration(cacheAgeMs)} ago`}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** The specification's number stands before the name of a step: `3.1 IP literal`. */
function numbered(step: DiscoveryTraceStep) {
  const [, number = '', name = step.step] = /^([\d.]+) (.+)$/.exec(step.step) ?? [];
  return { ...step, number, step: name };
}
