import { useMemo } from 'react';
import { layOut, type TokenKind } from '../json-tokens.ts';

const classes: Readonly<Record<TokenKind, string | undefined>> = {
  key: 'k',
  string: 's',
  number: 'd',
  literal: 'l',
  plain: undefined,
};

/** JSON from anybody, as text in spans: never HTML. */
export function Json({ text }: { readonly text: string }) {
  const tokens = useMemo(() => layOut(text), [text]);
  return tokens.map(({ kind, text: part }, index) =>
    kind === 'plain' ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the tokens of one text never move
      <span key={index} className={classes[kind]}>
        {part}
      </span>
    ),
  );
}
