export type TokenKind = 'key' | 'string' | 'number' | 'literal' | 'plain';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const lexemes =
  /(?<string>"(?:[^"\\]|\\.)*"?)|(?<number>-?\d[\d.eE+-]*)|(?<literal>true|false|null)|(?<mark>[{}[\],:])|(?<space>\s+)|[^\s{}[\],:"]+/gs;

/** Deeper than this, lines move no further to the right. */
const deepestIndent = 40;

/**
 * JSON laid out over lines, in tokens. It is the very text: numbers keep their digits, keys their order and their doubles,
 * and what was cut off in the middle is shown as far as it goes.
 */
export function layOut(json: string): readonly Token[] {
  const tokens: { kind: TokenKind; text: string }[] = [];
  let depth = 0;
  let isOpened = false; // a bracket, and nothing in it yet
  const newLine = () => `\n${'  '.repeat(Math.min(depth, deepestIndent))}`;
  const plain = (text: string) => tokens.push({ kind: 'plain', text });
  const enter = () => {
    if (isOpened) plain(newLine());
    isOpened = false;
  };
  for (const { 0: text, groups = {} } of json.matchAll(lexemes)) {
    const { string, number, literal, mark, space } = groups;
    if (space !== undefined) continue;
    if (mark === undefined) {
      enter();
      const kind =
        string !== undefined ? 'string' : number !== undefined ? 'number' : literal !== undefined && 'literal';
      tokens.push({ kind: kind || 'plain', text });
    } else if (mark === '{' || mark === '[') {
      enter();
      plain(mark);
      depth += 1;
      isOpened = true;
    } else if (mark === '}' || mark === ']') {
      depth = Math.max(0, depth - 1);
      plain(isOpened ? mark : newLine() + mark);
      isOpened = false;
    } else if (mark === ':') {
      const last = tokens.at(-1);
      if (last?.kind === 'string') last.kind = 'key';
      plain(': ');
    } else plain(`,${newLine()}`);
  }
  return tokens;
}
