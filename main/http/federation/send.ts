import * as z from 'zod';
import { violationsUnder } from '../../protocol/json.ts';
import type { IncomingTransaction, ReceivedTransaction } from '../../rooms/receive-transaction.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonValue } from '../schemas.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#transactions: "at most 50 PDUs and 100 EDUs" */
const mostPdus = 50;
const mostEdus = 100;
/** 50 PDUs of 64 KiB, and as much for EDUs, of whose size the specification says nothing. */
const mostBytes = 10_000_000;

interface Needs {
  readonly receive: (transaction: IncomingTransaction) => Promise<ReceivedTransaction>;
}

/** `PUT /send/{txnId}`: 200 whatever becomes of its PDUs. Whose it is, X-Matrix says: `origin` in the body is not read. */
export const sendRoutes = ({ receive }: Needs): readonly AnyRoute[] => [
  route({
    method: 'PUT',
    path: '/_matrix/federation/v1/send/:txnId',
    auth: 'server',
    params: z.object({ txnId: z.string().min(1) }),
    query: z.object({}),
    body: z.object({
      pdus: z.array(jsonValue).max(mostPdus).default([]),
      edus: z.array(jsonValue).max(mostEdus).default([]),
    }),
    maxBody: mostBytes,
    patient: true, // a peer that catches up is slowed down, not turned away
    async handle({ params, body, violations, caller, flow }) {
      const { reply, outcomes } = await receive({
        origin: caller.origin,
        txnId: params.txnId,
        pdus: body.pdus.map((pdu, index) => ({ pdu, violations: violationsUnder(violations, ['pdus', index]) })),
        edus: body.edus,
      });
      flow?.pdus(outcomes);
      flow?.edus(body.edus.length);
      return { ...reply };
    },
  }),
];
