import type { DiscoveryRun } from '../../../shared/views.ts';
import { DiscoverySteps } from '../../components/discovery-steps.tsx';
import { Facts } from '../../components/facts.tsx';
import { Note } from '../../components/note.tsx';
import { When } from '../../components/when.tsx';

/** How the server's address was found: https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names */
export function PeerDiscovery({ run }: { readonly run: DiscoveryRun | undefined }) {
  return (
    <section className="stack" aria-labelledby="discovery">
      <div className="section-head">
        <h2 id="discovery">Discovery</h2>
        {run !== undefined && (
          <span className="grow faint small">
            resolved <When ts={run.ts} />
            {run.expiresAt !== undefined && (
              <>
                , again <When ts={run.expiresAt} />
              </>
            )}
          </span>
        )}
      </div>
      {run === undefined ? <p className="dim">Its address was not looked up yet.</p> : <Run run={run} />}
    </section>
  );
}

function Run({ run }: { readonly run: DiscoveryRun }) {
  const { result, error, steps } = run;
  return (
    <>
      {!run.ok && error !== undefined && (
        <Note kind="bad">
          <p>
            <b>Its address could not be found.</b> {error}
          </p>
        </Note>
      )}
      <DiscoverySteps steps={steps} />
      {result !== undefined && (
        <div className="box pad">
          <Facts
            of={{
              'Connects to': (
                <code>
                  {result.address}:{result.port}
                </code>
              ),
              'Host header': <code>{result.hostHeader}</code>,
              'Certificate for': <code>{result.certificateFor}</code>,
            }}
          />
        </div>
      )}
    </>
  );
}
