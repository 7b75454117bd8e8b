import * as z from 'zod';
import { notFound } from '../../../shared/matrix-error.ts';
import type { InteractiveAuth } from '../../accounts/interactive-auth.ts';
import type { Sessions } from '../../accounts/sessions.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { type AnyRoute, type Callers, route } from '../route.ts';
import { none, orNull } from './fields.ts';
import { authField, onceProved } from './interactive.ts';

interface DeviceServices {
  readonly sessions: Sessions;
  readonly interactiveAuth: InteractiveAuth;
}

type Device = ReturnType<Sessions['devices']>[number];

const ofDevice = z.object({ deviceId: z.string() });

/** https://spec.matrix.org/v1.19/client-server-api/#device-management */
export const deviceRoutes = ({ sessions, interactiveAuth }: DeviceServices): readonly AnyRoute[] => {
  const known = ({ userId }: Callers['client'], deviceId: string): Device => {
    const device = sessions.device(userId, deviceId);
    if (device === undefined) throw notFound('You have no such device.');
    return device;
  };
  const remove = ({ userId }: Callers['client'], deviceIds: readonly string[], auth: JsonObject | undefined) => {
    const operation = `remove devices of ${userId}: ${[...deviceIds].sort().join(' ')}`;
    const step = interactiveAuth.step({ auth, operation, flows: [['m.login.password']], userId });
    return onceProved(step, () => {
      sessions.remove(userId, deviceIds);
      return {};
    });
  };
  return [
    route({
      method: 'GET',
      path: '/_matrix/client/v3/devices',
      auth: 'client',
      params: none,
      query: none,
      handle: ({ caller }) => ({ devices: sessions.devices(caller.userId).map(asShown) }),
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/devices/:deviceId',
      auth: 'client',
      params: ofDevice,
      query: none,
      handle: ({ params, caller }) => asShown(known(caller, params.deviceId)),
    }),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/devices/:deviceId',
      auth: 'client',
      params: ofDevice,
      query: none,
      body: z.object({ display_name: orNull(z.string()) }),
      handle({ params, body, caller }) {
        known(caller, params.deviceId);
        if (body.display_name !== undefined) sessions.rename(caller.userId, params.deviceId, body.display_name);
        return {};
      },
    }),
    route({
      method: 'DELETE',
      path: '/_matrix/client/v3/devices/:deviceId',
      auth: 'client',
      params: ofDevice,
      query: none,
      body: z.object(authField),
      optionalBody: true,
      handle: ({ params, body, caller }) => remove(caller, [params.deviceId], body.auth),
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/delete_devices',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({ ...authField, devices: z.array(z.string()).max(1000) }),
      handle: ({ body, caller }) => remove(caller, body.devices, body.auth),
    }),
  ];
};

const asShown = ({ deviceId, displayName, lastSeenTs, lastSeenIp }: Device) => ({
  device_id: deviceId,
  ...(displayName !== undefined && { display_name: displayName }),
  ...(lastSeenTs !== undefined && { last_seen_ts: lastSeenTs }),
  ...(lastSeenIp !== undefined && { last_seen_ip: lastSeenIp }),
});
