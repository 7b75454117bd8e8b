import { type FormEvent, useState } from 'react';
import { parseServerName } from '../../shared/ids.ts';
import { Field } from '../components/field.tsx';
import { Mark } from '../components/mark.tsx';
import { Note } from '../components/note.tsx';
import { ThemeSwitch } from '../components/theme-switch.tsx';
import { useBridge } from '../connection.tsx';

/** https://spec.matrix.org/v1.19/appendices/#user-identifiers */
const localpart = /^[a-z0-9._=/+-]+$/;
const shortestPassword = 8;

/** The first start: a name for ever, and the owner's account. */
export function SetUpPanel({ onDone }: { readonly onDone: () => void }) {
  const bridge = useBridge();
  const [serverName, setServerName] = useState('');
  const [owner, setOwner] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [wasTried, setTried] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const wrong = wrongIn({ serverName, owner, password, again });
  const isGood = Object.values(wrong).every((why) => why === undefined);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    setRefusal(undefined);
    if (!isGood || bridge === undefined) return;
    setBusy(true);
    try {
      const answer = await bridge.call('setup.finish', { serverName, owner, password });
      if (!answer.ok) return setRefusal(answer.why);
      location.hash = '#/';
      onDone();
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const shown = wasTried ? wrong : {};
  return (
    <div className="fr">
      <Side hasName={wrong.serverName === undefined} />
      <main className="fr-main" id="main" tabIndex={-1}>
        <div>
          <h1>Name your server</h1>
          <p className="lead">
            The name is the second half of your address, as in an e-mail address. Other servers will know you by it.
          </p>
        </div>
        <form className="stack gap-6" onSubmit={(event) => void submit(event)} noValidate>
          <Field
            label="Server name"
            wrong={shown.serverName}
            value={serverName}
            onChange={setServerName}
            isBig
            describedBy="permanent"
          >
            You will be{' '}
            <code className="strong">
              @{owner || 'you'}:{serverName || 'example.org'}
            </code>
          </Field>
          <div id="permanent">
            <Note kind="warn" glyph="lock">
              <p>
                <b>This name is permanent.</b> It is part of every event you send and cannot be changed later, by
                anyone. To use another name you would start again as a new person. Best is a domain that you own and
                will still have in ten years; a name that others lend you is gone when they take it back.
              </p>
            </Note>
          </div>
          <div className="fr-fields">
            <Field label="Your name on it" wrong={shown.owner} value={owner} onChange={setOwner}>
              Small letters and digits
            </Field>
            <Field label="Password" type="password" wrong={shown.password} value={password} onChange={setPassword}>
              For signing in with a Matrix client
            </Field>
            <Field label="Password again" type="password" wrong={shown.again} value={again} onChange={setAgain} />
          </div>
          {refusal !== undefined && (
            <Note kind="bad" role="alert">
              <p>
                <b>The server did not take this.</b> {refusal}
              </p>
            </Note>
          )}
          <div>
            <button type="submit" className="btn btn-primary" disabled={isBusy || bridge === undefined}>
              {parseServerName(serverName) === undefined ? 'Set up' : `Use ${serverName} for ever`}
            </button>
          </div>
        </form>
      </main>
    </div>
  );
}

function Side({ hasName }: { readonly hasName: boolean }) {
  return (
    <aside className="fr-side">
      <span className="rail-brand">
        <Mark />
        <span className="t">Hearth</span>
      </span>
      <ol className="fr-steps">
        <Step number={1} title="Name" isCurrent={!hasName}>
          What others call this server
        </Step>
        <Step number={2} title="You" isCurrent={hasName}>
          Your account on it
        </Step>
      </ol>
      <p className="rail-note">Nothing is published before you press the button.</p>
      <ThemeSwitch />
    </aside>
  );
}

interface StepProps {
  readonly number: number;
  readonly title: string;
  readonly isCurrent: boolean;
  readonly children: string;
}

function Step({ number, title, isCurrent, children }: StepProps) {
  return (
    <li aria-current={isCurrent ? 'step' : undefined}>
      <span className="fr-n">{number}</span>
      <div>
        <b>{title}</b>
        <small>{children}</small>
      </div>
    </li>
  );
}

interface Answers {
  readonly serverName: string;
  readonly owner: string;
  readonly password: string;
  readonly again: string;
}

/** What is wrong with each answer, in a sentence. The server has the last word. */
function wrongIn({ serverName, owner, password, again }: Answers): {
  readonly [K in keyof Answers]?: string | undefined;
} {
  const userId = `@${owner}:${serverName}`;
  return {
    serverName: wrongName(serverName),
    owner:
      owner === ''
        ? 'It needs a name.'
        : !localpart.test(owner)
          ? 'Only a–z, 0–9 and . _ = / + - are allowed.'
          : userId.length > 255
            ? 'Together with the server name it is too long.'
            : undefined,
    password: password.length < shortestPassword ? `At least ${shortestPassword} characters.` : undefined,
    again: again === password ? undefined : 'The two are not the same.',
  };
}

function wrongName(name: string): string | undefined {
  if (name === '') return 'It needs a name.';
  if (name !== name.toLowerCase()) return 'Capital letters make another name of it for some servers: use small ones.';
  return parseServerName(name) === undefined
    ? 'A domain, such as example.org: letters, digits, dots and hyphens.'
    : undefined;
}
