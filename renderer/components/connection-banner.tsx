import { useTime } from '../clock.ts';
import { useConnection } from '../connection.tsx';
import { clockTime, duration } from '../format.ts';
import { Icon } from './icon.tsx';
import { Note } from './note.tsx';

/** While the server cannot be reached: why, since when, and when it is tried again. What is on screen stays. */
export function ConnectionBanner() {
  const connection = useConnection();
  if (connection.state !== 'lost') return null;
  const { since, why, retryAt, retryNow } = connection;
  const retry = (
    <button type="button" className="btn" onClick={retryNow}>
      <Icon name="retry" />
      Try now
    </button>
  );
  return (
    <Note kind="warn" glyph="mute" role="alert" className="banner" action={retry}>
      <b>Not connected since {clockTime(since)}.</b> {why} <NextTry at={retryAt} />
    </Note>
  );
}

/** Apart, so that the alert is not read out each second. */
function NextTry({ at }: { readonly at: number }) {
  const words = useTime((now) => (at - now > 1000 ? `in ${duration(at - now)}` : 'now'));
  return (
    <span className="dim" aria-hidden="true">
      Trying again {words}. What is shown is the last that was known.
    </span>
  );
}
