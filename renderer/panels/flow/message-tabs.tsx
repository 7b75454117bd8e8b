import type { Flow } from '../../../shared/flow.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Json } from '../../components/json.tsx';
import { Note } from '../../components/note.tsx';
import { howItEnded } from '../../flow-words.ts';
import { strikeOut } from '../../strike-out.ts';

/** The request as it was sent, but for what was struck out. */
export function RequestTab({ flow }: { readonly flow: Flow }) {
  return (
    <Message
      title={`${flow.method} ${flow.uri}`}
      headers={flow.requestHeaders}
      body={flow.requestBody}
      size={flow.requestBytes}
    />
  );
}

/** The reply, or why there is none. */
export function ResponseTab({ flow }: { readonly flow: Flow }) {
  if (flow.status === undefined) {
    return (
      <Note kind={flow.error === undefined ? 'info' : 'bad'}>
        <p>{howItEnded(flow)}</p>
      </Note>
    );
  }
  return (
    <Message
      title={`HTTP ${flow.status}`}
      headers={flow.responseHeaders}
      body={flow.responseBody}
      size={flow.responseBytes}
    />
  );
}

interface MessageProps {
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly size: number;
}

function Message({ title, headers, body, size }: MessageProps) {
  return (
    <div className="stack">
      <div className="row small dim wrap">
        <code className="grow anywhere">{title}</code>
        {body !== undefined && <CopyButton text={body}>Copy body</CopyButton>}
      </div>
      <pre className="code breaks">
        {Object.entries(headers).map(([name, value]) => (
          <Header key={name} name={name} value={value} />
        ))}
        {body !== undefined && body !== '' && (
          <>
            {'\n'}
            <Json text={body} />
          </>
        )}
      </pre>
      {body === undefined && size > 0 && <p className="small dim">Its body was not recorded.</p>}
    </div>
  );
}

function Header({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <span className="k">{name}</span>
      {': '}
      {strikeOut(name, value).map((part) =>
        typeof part === 'string' ? (
          part
        ) : (
          <span key={name} className="cut">
            struck out
          </span>
        ),
      )}
      {'\n'}
    </>
  );
}
