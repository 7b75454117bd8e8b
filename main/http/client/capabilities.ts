import { roomVersions } from '../../protocol/room-versions.ts';
import { type AnyRoute, route } from '../route.ts';
import { none } from './fields.ts';

interface CapabilityServices {
  /** The version of new rooms. */
  readonly defaultRoomVersion: string;
}

/** What this server can do, and what it has nothing of. */
export const capabilityRoutes = ({ defaultRoomVersion }: CapabilityServices): readonly AnyRoute[] => {
  /** Endpoints that clients ask in any case, and that have nothing to tell here. */
  const empty = (path: string, answer: Readonly<Record<string, unknown>>) =>
    route({ method: 'GET', path, auth: 'client', params: none, query: none, handle: () => answer });
  return [
    // https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation
    empty('/_matrix/client/v3/capabilities', {
      capabilities: {
        'm.room_versions': {
          default: defaultRoomVersion,
          available: Object.fromEntries([...roomVersions.keys()].map((version) => [version, 'stable'])),
        },
        'm.change_password': { enabled: true },
        'm.profile_fields': { enabled: true },
        'm.set_displayname': { enabled: true },
        'm.set_avatar_url': { enabled: true },
        'm.3pid_changes': { enabled: false },
        'm.get_login_token': { enabled: false },
        'm.forget_forced_upon_leave': { enabled: false },
      },
    }),
    empty('/_matrix/client/v3/voip/turnServer', {}), // as other servers say that they have none: clients expect it
    empty('/_matrix/client/v3/thirdparty/protocols', {}),
  ];
};
