import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '../platform.ts';

/** 32 MB and some 80 ms of one core a guess. scrypt's `N` is a power of 2: its exponent stands in each hash. */
const defaultLog2N = 15;
const saltBytes = 16;
const hashBytes = 32;

export interface Passwords {
  /** `scrypt$15$8$1$<salt>$<hash>`, both base64url: the cost is kept, so that it can grow. */
  hash(password: string): Promise<string>;
  /** Takes as long where there is no hash to compare with: time must not tell whether a user exists. */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** One at a time: many sign-ins at once would fill the memory, and the thread pool that files and DNS share. */
export function createPasswords(random: Random, log2N = defaultLog2N): Passwords {
  const cost = { log2N, r: 8, p: 1 };
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined); // whoever asked is told; the next one's turn comes all the same
    return result;
  };
  const nobodys = { salt: Buffer.alloc(saltBytes), hash: Buffer.alloc(hashBytes), ...cost };
  return {
    async hash(password) {
      const salt = Buffer.from(random.bytes(saltBytes));
      const hash = await inTurn(() => derive(password, { ...cost, salt }));
      return ['scrypt', cost.log2N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
    },
    async verify(password, stored) {
      const known = stored === undefined ? undefined : parse(stored);
      const expected = known ?? nobodys;
      const hash = await inTurn(() => derive(password, expected));
      return timingSafeEqual(hash, expected.hash) && known !== undefined;
    },
  };
}

interface Derivation {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
}

function derive(password: string, { log2N, r, p, salt }: Derivation): Promise<Buffer> {
  const N = 2 ** log2N;
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, hashBytes, options, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}

function parse(stored: string): (Derivation & { readonly hash: Buffer }) | undefined {
  const [kind, log2N, r, p, salt = '', hash = ''] = stored.split('$');
  if (kind !== 'scrypt') return undefined;
  const bytes = Buffer.from(hash, 'base64url');
  if (bytes.length !== hashBytes) return undefined;
  return { log2N: Number(log2N), r: Number(r), p: Number(p), salt: Buffer.from(salt, 'base64url'), hash: bytes };
}
