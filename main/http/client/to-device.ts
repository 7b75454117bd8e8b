import * as z from 'zod';
import { parseUserId } from '../../../shared/ids.ts';
import { badJson } from '../../../shared/matrix-error.ts';
import type { ClientTransactions } from '../../accounts/client-transactions.ts';
import type { ToDevice } from '../../accounts/to-device.ts';
import { isObject, type JsonObject } from '../../protocol/json.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject } from '../schemas.ts';
import { keyAs, none } from './fields.ts';

interface ToDeviceServices {
  readonly toDevice: ToDevice;
  readonly transactions: ClientTransactions;
}

/** https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging */
export const toDeviceRoutes = ({ toDevice, transactions }: ToDeviceServices): readonly AnyRoute[] => [
  route({
    method: 'PUT',
    path: '/_matrix/client/v3/sendToDevice/:eventType/:txnId',
    auth: 'client',
    params: z.object({ eventType: z.string().max(255), txnId: z.string().max(255) }),
    query: none,
    body: z.object({ messages: z.record(z.string(), jsonObject) }),
    handle({ params: { eventType, txnId }, body, caller }) {
      const messages = new Map(
        Object.entries(body.messages).map(([user, byDevice]) => [
          keyAs(user, parseUserId, 'a user ID'),
          new Map(Object.entries(byDevice).map(([device, content]) => [device, contentOf(content)])),
        ]),
      );
      return transactions.once({ ...caller, path: `sendToDevice ${eventType}`, txnId }, async (answer) =>
        toDevice.send(caller.userId, eventType, messages, () => answer({})),
      );
    },
  }),
];

function contentOf(content: unknown): JsonObject {
  if (isObject(content)) return content;
  throw badJson('a message must be an object');
}
