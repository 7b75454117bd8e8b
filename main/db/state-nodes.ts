import type { Steps } from '../protocol/steps.ts';
import type { Db } from './db.ts';
import { lruCache } from './lru-cache.ts';
import { fanOut, isLeaf, type LoadNode, type StateNode, type StateRef } from './state-trie.ts';

export const schema = `
  -- Nodes of state tries (main/db/state-trie.ts). Equal nodes are one row, so a state is one number: its root's id.
  CREATE TABLE state_nodes (
    id INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL, -- of the body; equal bodies are found by it
    body BLOB NOT NULL) STRICT;
  CREATE INDEX state_nodes_by_hash ON state_nodes (hash);`;

/** Where state tries are kept. What has been stored never changes, so nodes are cached until a rollback. */
export interface StateNodes {
  readonly load: LoadNode;
  /** Writes what is not there yet and returns the id of the root. Inside the transaction of what refers to it. */
  store(ref: StateRef): number;
  /** The same in steps, each of which may be a transaction of its own: the root comes last. */
  storeInSteps(ref: StateRef): Steps<number>;
}

/** Entries below a node that is stored in one step. */
const entriesAtOnce = 1000;

export function stateNodesTable(db: Db, cacheBytes = 32 * 1024 * 1024): StateNodes {
  const select = db.prepare<[id: number], { body: Uint8Array }>('SELECT body FROM state_nodes WHERE id = ?');
  const alike = db.prepare<[hash: number], { id: number; body: Uint8Array }>(
    'SELECT id, body FROM state_nodes WHERE hash = ?',
  );
  const insert = db.prepare<[hash: number, body: Uint8Array], { id: number }>(
    'INSERT INTO state_nodes (hash, body) VALUES (?, ?) RETURNING id',
  );
  const cache = lruCache<number, StateNode>({ maxWeight: cacheBytes, weigh: bytesInMemory });
  db.onRollback(() => cache.clear());

  const store = (ref: StateRef): number => {
    if (typeof ref === 'number') return ref;
    if (ref.size === 0) return 0;
    const node: StateNode = isLeaf(ref)
      ? ref
      : { size: ref.size, children: ref.children.map((child) => child && store(child)) };
    const body = encode(node);
    const hash = hashOf(body);
    const known = alike.all(hash).find((row) => isEqual(row.body, body))?.id;
    const id = known ?? insert.get(hash, body)?.id;
    if (id === undefined) throw new Error('a state node was not stored');
    cache.set(id, node);
    return id;
  };
  function* storeInSteps(ref: StateRef): Steps<number> {
    if (typeof ref === 'number' || isLeaf(ref) || ref.size <= entriesAtOnce) return store(ref);
    const children: (number | undefined)[] = [];
    for (const child of ref.children) {
      children.push(child && (yield* storeInSteps(child)));
      if (typeof child === 'object') yield;
    }
    return store({ size: ref.size, children });
  }
  return {
    storeInSteps,
    load(id) {
      const cached = cache.get(id);
      if (cached !== undefined) return cached;
      const row = select.get(id);
      if (row === undefined) throw new Error(`state node ${id} is not in the database`);
      const node = decode(row.body);
      cache.set(id, node);
      return node;
    },
    store,
  };
}

const bytesInMemory = (node: StateNode) => 100 + (isLeaf(node) ? 16 * node.size : 8 * fanOut);

/** Variable-length integers. Leaf: 0, then key (as the step from the one before) and event. Branch: 1, size, children. */
function encode(node: StateNode): Uint8Array {
  const bytes: number[] = [];
  const write = (value: number) => {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
    bytes.push(rest);
  };
  if (isLeaf(node)) {
    write(0);
    let last = 0;
    for (const [index, key] of node.keys.entries()) {
      write(key - last);
      write(node.events[index] as number);
      last = key;
    }
  } else {
    write(1);
    write(node.size);
    for (const child of node.children) write((child as number | undefined) ?? 0); // `store` has made them numbers
  }
  return Uint8Array.from(bytes);
}

function decode(bytes: Uint8Array): StateNode {
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('a state node ends too early');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  if (read() === 0) {
    const keys: number[] = [];
    const events: number[] = [];
    for (let key = 0; at < bytes.length; ) {
      key += read();
      keys.push(key);
      events.push(read());
    }
    return { size: keys.length, keys, events };
  }
  return { size: read(), children: Array.from({ length: fanOut }, () => read() || undefined) };
}

/** 53 bits, since greater integers do not survive sql.js. Collisions cost a comparison, nothing more. */
function hashOf(bytes: Uint8Array): number {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 0x9e3779b1);
    high = Math.imul(high ^ byte, 0x5f356495);
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0);
}

const isEqual = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, index) => byte === b[index]);
