import type { Flow, FlowAuth } from '../../../shared/flow.ts';
import { Facts } from '../../components/facts.tsx';
import { Json } from '../../components/json.tsx';
import { Note } from '../../components/note.tsx';
import { Status } from '../../components/status.tsx';
import { useKnown } from '../../known.tsx';

/** X-Matrix decoded, and what its signature covers: https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
export function AuthTab({ flow }: { readonly flow: Flow }) {
  const { auth } = flow;
  const { overview } = useKnown();
  if (auth === undefined) {
    return (
      <Note kind="mute" glyph="info">
        <p>
          <b>Not signed.</b> This endpoint is answered without a signature, or the request ended before it was looked
          at.
        </p>
      </Note>
    );
  }
  return (
    <div className="cols-2">
      <div className="stack gap-5">
        <AuthVerdict auth={auth} direction={flow.direction} />
        <Facts
          of={{
            origin: auth.origin === undefined ? undefined : <code>{auth.origin}</code>,
            destination: (
              <>
                <code>{auth.destination ?? 'not said'}</code>{' '}
                <Destination auth={auth} flow={flow} own={overview.data?.serverName} />
              </>
            ),
            key: auth.keyId === undefined ? undefined : <code>{auth.keyId}</code>,
            sig: <span className="cut">struck out on entry</span>,
          }}
        />
      </div>
      <div className="stack">
        <h3>Signed object</h3>
        <pre className="code breaks">
          <Json text={signedObject(flow, auth)} />
        </pre>
        {flow.requestBody !== undefined && (
          <p className="small dim">
            With <code>content</code>: the body of the request, as canonical JSON.
          </p>
        )}
      </div>
    </div>
  );
}

function AuthVerdict({ auth, direction }: { readonly auth: FlowAuth; readonly direction: Flow['direction'] }) {
  if (!auth.verified) {
    return (
      <Note kind="bad">
        <p>
          <b>Not verified.</b> {auth.why}
        </p>
      </Note>
    );
  }
  if (direction === 'outbound') {
    return (
      <Note kind="ok">
        <p>
          <b>Signed by this server</b> with {auth.keyId}, for this destination and these bytes only.
        </p>
      </Note>
    );
  }
  return (
    <Note kind="ok">
      <p>
        <b>Verified.</b> The signature is by {auth.origin}, over the method, the address as it was on the wire, and the
        body.
      </p>
    </Note>
  );
}

function Destination({
  auth,
  flow,
  own,
}: {
  readonly auth: FlowAuth;
  readonly flow: Flow;
  readonly own: string | undefined;
}) {
  if (auth.destination === undefined || flow.direction === 'outbound' || own === undefined) return null;
  return auth.destination === own ? <Status kind="ok">this server</Status> : <Status kind="bad">another server</Status>;
}

/** What was signed but for the body, which has a tab of its own. */
function signedObject({ method, uri }: Flow, { origin, destination }: FlowAuth): string {
  return JSON.stringify({ method, uri, origin, destination });
}
