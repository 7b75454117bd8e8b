import type { SetUp } from '../shared/bridge.ts';
import { newUserId, parseServerName, type ServerName } from '../shared/ids.ts';
import { MatrixError } from '../shared/matrix-error.ts';
import type { Sources } from './bridge/sources.ts';
import { sentenceOf } from './failure.ts';
import type { Log } from './log.ts';
import type { MatrixServer } from './matrix-server.ts';

interface SetUpOptions {
  /** The name that the server has already. */
  readonly named: () => ServerName | undefined;
  /** Brings the Matrix side up under a name, which is not settled by that. */
  readonly begin: (name: ServerName) => Promise<MatrixServer>;
  /** Writes the name down for ever: called inside the transaction that makes the account. */
  readonly settle: (name: ServerName) => void;
  /** Tells the console. */
  readonly show: (started: MatrixServer) => void;
  /** Takes the Matrix side down again. */
  readonly abandon: () => Promise<void>;
  readonly log: Log;
}

/**
 * The first start's form: a name and its owner's account, both or neither. All that can be refused is refused before
 * anything is written; the name is settled last, in one commit with the account. Whatever fails, the form can be sent again.
 */
export function createSetUp({ named, begin, settle, show, abandon, log }: SetUpOptions): Sources['finishSetUp'] {
  let isUnderWay = false;
  const refusal = (why: string) => ({ ok: false, why }) as const;

  const finish = async (name: ServerName, { owner, password }: SetUp) => {
    try {
      const started = await begin(name);
      const { accounts } = started.services.accounts;
      await accounts.create({ localpart: owner, password, isAdmin: true }, () => settle(name));
      show(started);
      return { ok: true } as const;
    } catch (error) {
      await abandon();
      if (!(error instanceof MatrixError)) log.error('the set-up failed', { error });
      return refusal(sentenceOf(error));
    }
  };

  return async (choice) => {
    const { serverName, owner } = choice;
    const name = parseServerName(serverName);
    const already = named();
    if (isUnderWay) return refusal('The server is being set up already.');
    if (already !== undefined) return refusal(`This server is ${already} already.`);
    if (name === undefined) return refusal(`"${serverName}" cannot be a server name.`);
    if (name !== name.toLowerCase()) return refusal('Other servers would take capital letters for another name.');
    if (newUserId(owner, name) === undefined) {
      return refusal('A user name consists of a-z, 0-9 and ._=-/+, and has 255 bytes at most with the server name.');
    }
    isUnderWay = true;
    try {
      return await finish(name, choice);
    } finally {
      isUnderWay = false;
    }
  };
}
