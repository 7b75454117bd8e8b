import type { RoomEvent } from '../protocol/event.ts';
import { isObject, type JsonObject, RawNumber } from '../protocol/json.ts';
import { objectAt, own } from '../protocol/power-levels.ts';

const longest = 160;

/**
 * What an event says, in a line of plain text: a message's body, 'joined', 'set the topic to “Tea”'. `before` is the event
 * that stood for the same state key until then: a join after a join is a new name, not a join.
 */
export function summarise(event: RoomEvent, before: RoomEvent | undefined, isRedacted: boolean): string {
  if (isRedacted && event.stateKey === undefined) return 'redacted';
  const sentences = event.stateKey === undefined ? messages : states;
  const say = Object.hasOwn(sentences, event.type) ? sentences[event.type] : undefined;
  const said = say?.(event, before) ?? fallback(event);
  return oneLine(isRedacted ? `${said} (redacted)` : said);
}

type Say = (event: RoomEvent, before: RoomEvent | undefined) => string | undefined;

const messages: Readonly<Record<string, Say>> = {
  'm.room.message': ({ content }) => message(isObject(content['m.new_content']) ? content['m.new_content'] : content),
  'm.room.encrypted': ({ content }) => `encrypted with ${text(content, 'algorithm') ?? 'an unknown algorithm'}`,
  'm.reaction': ({ content }) => {
    const { key, event_id: target } = objectAt(content, 'm.relates_to');
    return typeof key === 'string' ? `reacted with ${key} to ${idOf(target)}` : undefined;
  },
  'm.room.redaction': ({ redacts, content }) => `redacted ${redacts ?? 'nothing'}${because(content)}`,
  'm.sticker': ({ content }) => `sticker: ${text(content, 'body') ?? ''}`,
  'm.call.invite': () => 'called',
  'm.call.hangup': () => 'ended the call',
};

const states: Readonly<Record<string, Say>> = {
  'm.room.create': ({ rules }) => `created the room, version ${rules.version}`,
  'm.room.member': (event, before) => memberSentence(event, before),
  'm.room.name': ({ content }) => set('name', text(content, 'name')),
  'm.room.topic': ({ content }) => set('topic', text(content, 'topic')),
  'm.room.avatar': ({ content }) => (text(content, 'url') === undefined ? 'removed the avatar' : 'changed the avatar'),
  'm.room.canonical_alias': ({ content }) => set('main address', text(content, 'alias')),
  'm.room.join_rules': ({ content }) => `set the join rule to ${text(content, 'join_rule') ?? 'nothing'}`,
  'm.room.history_visibility': ({ content }) =>
    `made the history visible to: ${text(content, 'history_visibility') ?? 'nobody'}`,
  'm.room.guest_access': ({ content }) =>
    text(content, 'guest_access') === 'can_join' ? 'let guests join' : 'kept guests out',
  'm.room.encryption': ({ content }) => `turned encryption on, with ${text(content, 'algorithm') ?? 'no algorithm'}`,
  'm.room.power_levels': (event, before) => powerSentence(event.content, before?.content ?? {}),
  'm.room.pinned_events': ({ content }) => `pinned ${number(lengthOf(content, 'pinned'), 'event')}`,
  'm.room.server_acl': ({ content }) =>
    `set the server ACL: ${lengthOf(content, 'allow')} allowed, ${lengthOf(content, 'deny')} denied`,
  'm.room.tombstone': ({ content }) => `replaced the room by ${text(content, 'replacement_room') ?? 'none'}`,
  'm.room.third_party_invite': ({ content }) => `invited ${text(content, 'display_name') ?? 'somebody'}`,
  'm.room.policy': ({ content }) => `chose the policy server ${text(content, 'via') ?? 'of nobody'}`,
  'm.space.child': ({ content, stateKey }) =>
    Array.isArray(content['via']) ? `added ${stateKey} to the space` : `took ${stateKey} out of the space`,
  'm.space.parent': ({ stateKey }) => `is part of the space ${stateKey}`,
};

function message(content: JsonObject): string | undefined {
  const body = text(content, 'body');
  if (body === undefined) return undefined;
  switch (content['msgtype']) {
    case 'm.emote':
      return `* ${body}`;
    case 'm.image':
    case 'm.video':
    case 'm.audio':
    case 'm.file':
    case 'm.location':
      return `${content['msgtype'].slice(2)}: ${body}`;
    default:
      return body;
  }
}

/** https://spec.matrix.org/v1.19/client-server-api/#mroommember has what each change of membership means. */
function memberSentence({ sender, stateKey, content }: RoomEvent, before: RoomEvent | undefined): string | undefined {
  const [was, is] = [
    before === undefined ? undefined : text(before.content, 'membership'),
    text(content, 'membership'),
  ];
  const isOwn = sender === stateKey;
  const why = because(content);
  switch (is) {
    case 'join':
      return was === 'join' ? profileSentence(content, before?.content ?? {}) : `joined${letInBy(content)}${why}`;
    case 'invite':
      return `invited ${stateKey}${why}`;
    case 'knock':
      return `knocked${why}`;
    case 'ban':
      return `banned ${stateKey}${why}`;
    case 'leave':
      if (was === 'invite') return isOwn ? `declined the invite${why}` : `took back the invite of ${stateKey}${why}`;
      if (was === 'knock') return isOwn ? `took back the knock${why}` : `refused the knock of ${stateKey}${why}`;
      if (was === 'ban') return `unbanned ${stateKey}${why}`;
      return isOwn ? `left${why}` : `kicked ${stateKey}${why}`;
    default:
      return undefined;
  }
}

function profileSentence(content: JsonObject, before: JsonObject): string {
  const name = text(content, 'displayname');
  if (name !== text(before, 'displayname'))
    return name === undefined ? 'removed their name' : `is now called “${name}”`;
  return text(content, 'avatar_url') === text(before, 'avatar_url') ? 'joined again' : 'changed their avatar';
}

function letInBy(content: JsonObject): string {
  const by = text(content, 'join_authorised_via_users_server');
  return by === undefined ? '' : `, let in by ${by}`;
}

/** The users whose level changed, and how. */
function powerSentence(content: JsonObject, before: JsonObject): string {
  const [users, usersBefore] = [objectAt(content, 'users'), objectAt(before, 'users')];
  const changed = Object.keys({ ...usersBefore, ...users })
    .filter((user) => level(own(users, user)) !== level(own(usersBefore, user)))
    .slice(0, 4)
    .map((user) => `${user} ${level(own(usersBefore, user)) ?? 'default'} → ${level(own(users, user)) ?? 'default'}`);
  return changed.length === 0 ? 'changed the power levels' : `changed power: ${changed.join(', ')}`;
}

const level = (value: unknown) =>
  typeof value === 'number' || typeof value === 'string'
    ? String(value)
    : value instanceof RawNumber
      ? value.lexeme
      : undefined;

const fallback = ({ type, stateKey }: RoomEvent) =>
  stateKey === undefined ? type : `set ${type}${stateKey === '' ? '' : ` of ${stateKey}`}`;

const set = (what: string, value: string | undefined) =>
  value === undefined || value === '' ? `removed the ${what}` : `set the ${what} to “${value}”`;

function because(content: JsonObject): string {
  const reason = text(content, 'reason');
  return reason === undefined || reason === '' ? '' : `: “${reason}”`;
}

function text(content: JsonObject, name: string): string | undefined {
  const value = own(content, name);
  return typeof value === 'string' ? value : undefined;
}

function lengthOf(content: JsonObject, name: string): number {
  const value = content[name];
  return Array.isArray(value) ? value.length : 0;
}

const idOf = (value: unknown) => (typeof value === 'string' ? value : 'nothing');
const number = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Strangers write these: no line breaks, no characters that turn what follows around, and not too long. */
export function oneLine(written: string): string {
  const plain = written
    .slice(0, longest * 4)
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const characters = [...plain];
  return characters.length <= longest ? plain : `${characters.slice(0, longest).join('')}…`;
}
