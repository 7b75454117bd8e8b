/** One step of a pattern: a character, any one character, or any number of them. */
export type Glob = readonly (string | typeof anyOne | typeof anyMany)[];

const anyOne = Symbol('?');
const anyMany = Symbol('*');

/** https://spec.matrix.org/v1.19/appendices/#glob-style-matching, without regard to case. */
export const glob = (pattern: string): Glob =>
  [...pattern.toLowerCase()].map((character) => (character === '*' ? anyMany : character === '?' ? anyOne : character));

export const literal = (text: string): Glob => [...text.toLowerCase()];

/** Whether the pattern is the whole text. */
export const isWhole = (pattern: Glob, text: string): boolean =>
  walk(pattern, text, {
    mayBegin: (before) => before === undefined,
    mayEnd: (after) => after === undefined,
  });

/**
 * Whether some part of the text matches that begins and ends at a word boundary: at an end of the text, or beside a
 * character other than `A-Z a-z 0-9 _`. https://spec.matrix.org/v1.19/client-server-api/#conditions-1
 */
export function isWords(pattern: Glob, text: string): boolean {
  const isBoundary = (beside: string | undefined) => beside === undefined || !/\w/.test(beside);
  return pattern.length > 0 && walk(pattern, text, { mayBegin: isBoundary, mayEnd: isBoundary });
}

interface Bounds {
  /** Asked with the character before, and after; none at the ends of the text. */
  mayBegin(before: string | undefined): boolean;
  mayEnd(after: string | undefined): boolean;
}

/**
 * All places in the pattern that the text up to here may have come to, at once: takes text × pattern steps at most, where
 * a regular expression could be made to try for ever.
 */
function walk(pattern: Glob, text: string, { mayBegin, mayEnd }: Bounds): boolean {
  const characters = [...text.toLowerCase()];
  let places = new Set<number>();
  const reach = (into: Set<number>, place: number) => {
    for (let at = place; !into.has(at); at++) {
      into.add(at);
      if (pattern[at] !== anyMany) return; // what may be empty may be skipped
    }
  };
  for (let index = 0; index <= characters.length; index++) {
    if (mayBegin(characters[index - 1])) reach(places, 0);
    const character = characters[index];
    if (places.has(pattern.length) && mayEnd(character)) return true;
    const next = new Set<number>();
    for (const place of places) {
      const step = pattern[place];
      if (step === anyMany) reach(next, place);
      else if (step !== undefined && (step === anyOne || step === character)) reach(next, place + 1);
    }
    places = next;
  }
  return false;
}
