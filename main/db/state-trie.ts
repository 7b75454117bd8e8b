/**
 * The state of a room at one point: a persistent map from state key (by integer id) to event (by integer id).
 *
 * It is a trie over the scrambled bits of the state key, with leaves of up to 32 entries. Its shape depends only on what
 * is in it, so equal states are equal trees; a change copies one path and shares the rest. A member event in a room of
 * 30,000 costs four small nodes, a message none, and what differs between two states is found by skipping what they share.
 */
export type StateNode = StateLeaf | StateBranch;

export interface StateLeaf {
  readonly size: number;
  readonly keys: readonly number[]; // ascending
  readonly events: readonly number[]; // beside their keys
}

export interface StateBranch {
  readonly size: number; // entries below
  readonly children: readonly (StateRef | undefined)[]; // `fanOut` of them
}

/** A node that is stored, by its id, or one that is not yet. 0 is the empty state. */
export type StateRef = number | StateNode;
export type LoadNode = (id: number) => StateNode;

export interface StateDifference {
  readonly key: number;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

const bits = 4;
export const fanOut = 1 << bits;
const leafMax = 32;
const emptyLeaf: StateLeaf = { size: 0, keys: [], events: [] };

export const isLeaf = (node: StateNode): node is StateLeaf => 'keys' in node;
const nodeOf = (ref: StateRef, load: LoadNode): StateNode =>
  ref === 0 ? emptyLeaf : typeof ref === 'number' ? load(ref) : ref;

/** Ids of state keys are given out in a row. This spreads them, one to one: an odd factor can be undone modulo 2^32. */
const digit = (key: number, level: number): number => (Math.imul(key, 0x9e3779b1) >>> (32 - bits * (level + 1))) & 15;

export const stateSize = (ref: StateRef, load: LoadNode): number => nodeOf(ref, load).size;

export function getFromState(ref: StateRef, key: number, load: LoadNode): number | undefined {
  let node = nodeOf(ref, load);
  for (let level = 0; !isLeaf(node); level++) {
    const child: StateRef | undefined = node.children[digit(key, level)];
    if (child === undefined) return undefined;
    node = nodeOf(child, load);
  }
  const index = find(node, key);
  return node.keys[index] === key ? node.events[index] : undefined;
}

/** The state with one entry set, or taken out. What changes nothing gives back the very same. */
export function setInState(ref: StateRef, key: number, event: number | undefined, load: LoadNode, level = 0): StateRef {
  const node = nodeOf(ref, load);
  if (isLeaf(node)) {
    const changed = setInLeaf(node, key, event);
    if (changed === node) return ref;
    return changed.size > leafMax ? split(changed, level) : orEmpty(changed);
  }
  const at = digit(key, level);
  const child = node.children[at] ?? 0;
  const changed = setInState(child, key, event, load, level + 1);
  if (changed === child) return ref;
  const size = node.size - stateSize(child, load) + stateSize(changed, load);
  const children = [...node.children];
  children[at] = changed === 0 ? undefined : changed;
  const branch: StateBranch = { size, children };
  return size > leafMax ? branch : toLeaf(stateEntries(branch, load));
}

/** All at once: for the state that a join brings. */
export const buildState = (entries: Iterable<readonly [key: number, event: number]>): StateRef => {
  const leaf = toLeaf(entries);
  return leaf.size > leafMax ? split(leaf, 0) : orEmpty(leaf);
};

export function* stateEntries(ref: StateRef, load: LoadNode): Generator<readonly [key: number, event: number]> {
  const node = nodeOf(ref, load);
  if (isLeaf(node)) {
    for (const [index, key] of node.keys.entries()) yield [key, node.events[index] as number];
  } else {
    for (const child of node.children) if (child !== undefined) yield* stateEntries(child, load);
  }
}

/** What must be changed in `before` to get `after`. Subtrees that both share are not looked into. */
export function* diffStates(before: StateRef, after: StateRef, load: LoadNode): Generator<StateDifference> {
  if (before === after) return;
  const [a, b] = [nodeOf(before, load), nodeOf(after, load)];
  if (isLeaf(a) || isLeaf(b)) {
    const old = new Map(stateEntries(a, load));
    for (const [key, event] of stateEntries(b, load)) {
      const previous = old.get(key);
      if (previous !== event) yield { key, before: previous, after: event };
      old.delete(key);
    }
    for (const [key, event] of old) yield { key, before: event, after: undefined };
  } else {
    for (let at = 0; at < fanOut; at++) yield* diffStates(a.children[at] ?? 0, b.children[at] ?? 0, load);
  }
}

/** Where `key` is, or would be inserted. */
function find(leaf: StateLeaf, key: number): number {
  let low = 0;
  let high = leaf.keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaf.keys[middle] as number) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function setInLeaf(leaf: StateLeaf, key: number, event: number | undefined): StateLeaf {
  const at = find(leaf, key);
  const present = leaf.keys[at] === key;
  if (present ? leaf.events[at] === event : event === undefined) return leaf;
  const keys = [...leaf.keys];
  const events = [...leaf.events];
  if (event === undefined) {
    keys.splice(at, 1);
    events.splice(at, 1);
  } else {
    keys.splice(at, present ? 1 : 0, key);
    events.splice(at, present ? 1 : 0, event);
  }
  return { size: keys.length, keys, events };
}

function toLeaf(entries: Iterable<readonly [number, number]>): StateLeaf {
  const sorted = [...entries].sort(([a], [b]) => a - b);
  return { size: sorted.length, keys: sorted.map(([key]) => key), events: sorted.map(([, event]) => event) };
}

function split(leaf: StateLeaf, level: number): StateBranch {
  const parts = Array.from({ length: fanOut }, () => ({ keys: [] as number[], events: [] as number[] }));
  for (const [index, key] of leaf.keys.entries()) {
    const part = parts[digit(key, level)];
    part?.keys.push(key);
    part?.events.push(leaf.events[index] as number);
  }
  const children = parts.map(({ keys, events }) => {
    if (keys.length === 0) return undefined;
    const child = { size: keys.length, keys, events };
    return keys.length > leafMax ? split(child, level + 1) : child;
  });
  return { size: leaf.size, children };
}

const orEmpty = (leaf: StateLeaf): StateRef => (leaf.size === 0 ? 0 : leaf);
