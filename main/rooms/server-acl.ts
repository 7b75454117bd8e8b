import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { forbidden } from '../../shared/matrix-error.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import type { Rooms } from './rooms.ts';

/** Which servers a room talks to. It is the server that asks which is judged, never an event's sender. */
export interface ServerAcls {
  allows(roomId: RoomId, server: ServerName): boolean;
  /** Throws 403 `M_FORBIDDEN`, as the endpoints that the specification lists have to answer. */
  check(roomId: RoomId, server: ServerName): void;
}

interface Compiled {
  /** None: the room has no ACL. */
  readonly eventId: EventId | undefined;
  readonly verdicts: Map<string, boolean>;
  readonly allows: (host: string) => boolean;
}

/** Names remembered per room, and rooms remembered: peers choose both. */
const atMost = 1_000;

/**
 * `m.room.server_acl` of each room's current state, compiled once for each event.
 * https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls
 */
export function serverAcls(rooms: Pick<Rooms, 'currentState'>): ServerAcls {
  const compiled = new Map<RoomId, Compiled>();

  function of(roomId: RoomId): Compiled {
    const state = rooms.currentState(roomId);
    const eventId = state.id('m.room.server_acl', '');
    const known = compiled.get(roomId);
    if (known !== undefined && known.eventId === eventId) return known;
    const content = eventId && state.get('m.room.server_acl', '')?.content;
    const fresh = { eventId, verdicts: new Map(), allows: content ? compileServerAcl(content) : () => true };
    if (compiled.size >= atMost) compiled.clear();
    compiled.set(roomId, fresh);
    return fresh;
  }

  function allows(roomId: RoomId, server: ServerName): boolean {
    const { verdicts, allows } = of(roomId);
    const host = hostOf(server);
    const known = verdicts.get(host);
    if (known !== undefined) return known;
    const verdict = allows(host);
    if (verdicts.size >= atMost) verdicts.clear();
    verdicts.set(host, verdict);
    return verdict;
  }

  return {
    allows,
    check(roomId, server) {
      if (!allows(roomId, server)) throw forbidden(`${server} is denied by the server ACL of ${roomId}`);
    },
  };
}

/**
 * The rules of one `m.room.server_acl` event, for host names without their port. Lists that are no lists count as empty,
 * and an empty `allow` admits nobody. https://spec.matrix.org/v1.19/client-server-api/#mroomserver_acl
 */
export function compileServerAcl(content: JsonObject): (host: string) => boolean {
  const deny = patterns(content['deny']);
  const allow = patterns(content['allow']);
  const literals = content['allow_ip_literals'] !== false;
  return (host) => {
    const name = host.toLowerCase();
    if (!literals && isIpLiteral(name)) return false;
    if (deny.some((pattern) => matchesGlob(pattern, name))) return false;
    return allow.some((pattern) => matchesGlob(pattern, name));
  };
}

/** Ports do not count: `evil.test:8448` is `evil.test`, `[::1]:8448` is `[::1]`. */
export function hostOf(server: ServerName): string {
  return server.replace(/:\d+$/, '').toLowerCase();
}

function patterns(list: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(list)) return [];
  return list.filter((entry) => typeof entry === 'string').map((entry) => entry.toLowerCase());
}

function isIpLiteral(host: string): boolean {
  return host.startsWith('[') || /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(host);
}

/**
 * `*` is any number of characters, `?` exactly one. Not by regular expression: the patterns are a stranger's, and
 * `*a*a*a*b` would take one minutes. Here a mismatch only ever goes back to the last star.
 * https://spec.matrix.org/v1.19/appendices/#glob-style-matching
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let starred = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      starred = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star !== -1) {
      p = star + 1;
      t = ++starred;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
