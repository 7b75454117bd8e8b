import { useEffect, useState } from 'react';
import { Icon } from './icon.tsx';

interface IdProps {
  readonly value: string;
  /** How many characters stay before and after the cut. */
  readonly head?: number;
  readonly tail?: number;
  /** Shows the copy glyph without hovering: for the id that a screen is about. */
  readonly shown?: boolean;
  /** The whole id, over as many lines as it takes. */
  readonly whole?: boolean;
}

/** An identifier: cut in the middle, copied whole by a click. */
export function Id({ value, head = 9, tail = 4, shown = false, whole = false }: IdProps) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () => navigator.clipboard.writeText(value).then(() => setCopied(true));
  return (
    <button
      type="button"
      className={`id ${whole ? 'id-wrap' : ''} ${shown || whole ? 'id-shown' : ''} ${isCopied ? 'id-copied' : ''}`}
      title={`Copy ${value}`}
      onClick={() => void copy()}
    >
      <span className="sr">
        {isCopied ? 'Copied' : 'Copy'} {value}
      </span>
      <span aria-hidden="true">{whole ? value : <Cut text={value} head={head} tail={tail} />}</span>
      <Icon name={isCopied ? 'ok' : 'copy'} />
    </button>
  );
}

/** Text cut in the middle where that saves something. */
export function Cut({
  text,
  head = 9,
  tail = 4,
}: {
  readonly text: string;
  readonly head?: number;
  readonly tail?: number;
}) {
  if (text.length <= head + tail + 2) return text;
  return (
    <>
      {text.slice(0, head)}
      <i>…</i>
      {text.slice(-tail)}
    </>
  );
}
