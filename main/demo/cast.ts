import type { RoomId, UserId } from '../../shared/ids.ts';
import type { NewRoom } from '../rooms/create-room.ts';
import type { DemoServer } from './demo-server.ts';

/** Somebody with an account on one of the servers. */
export interface Person {
  readonly userId: UserId;
  readonly server: DemoServer;
}

/** A room, and what happens in it. */
export interface Place {
  readonly roomId: RoomId;
  readonly host: Person; // who made it
  readonly isPrivate: boolean;
  readonly lines: readonly [string, ...string[]];
  readonly topics: readonly [string, ...string[]];
  /** Who is joined. */
  readonly present: Set<Person>;
  /** Who has left, or was put out, and may come back. */
  readonly away: Set<Person>;
}

/** Everybody signs in with it. */
export const password = 'demo';

/** For each of the three servers. The first of all is the one whose window is shown. */
const names = [
  ['Mika Sund', 'Ines Okafor', 'Juno Park'],
  ['Rook', 'Pia Lindqvist'],
  ['Osk', 'Lumen Adeyemi'],
] as const;

const publicRooms = [
  {
    name: 'Tidepool field notes',
    host: 'mika',
    guests: ['ines', 'rook', 'pia', 'lumen'],
    topics: [
      'What we saw at low water, and where',
      'Next low water: Saturday, 06:40',
      'Count what you can, guess nothing',
    ],
    lines: [
      'The tide was out further than I have ever seen it.',
      'Two anemones, one of them green.',
      'Somebody has moved the marker stones.',
      'Eleven limpets on the north face, as last week.',
      'The little crab is back under the same stone.',
      'Photos follow tonight, my hands are too cold.',
      'It was a blenny, I looked it up.',
      'Water at nine degrees, a bit of wind from the west.',
    ],
  },
  {
    name: 'Choir logistics',
    host: 'rook',
    guests: ['mika', 'juno', 'pia', 'osk'],
    topics: ['Thursdays at seven, in the small hall', 'This week in the big hall, bring a jumper'],
    lines: [
      'Rehearsal moves to Thursday, same place.',
      'Can we do the second verse slower?',
      'I left the key with Pia.',
      'Who brings coffee?',
      'The altos are two short, does anybody know somebody?',
      'Please bring the blue folders, not the green ones.',
      'I have the programme as a draft.',
      'On my way, ten minutes late.',
    ],
  },
  {
    name: 'Kitchen repairs',
    host: 'osk',
    guests: ['mika', 'ines', 'rook', 'lumen'],
    topics: ['The tap, the oven, and who has the long ladder', 'Plumber on Friday between eight and noon'],
    lines: [
      'The tap drips again.',
      'Has anyone got the long ladder?',
      'It is the washer, not the tap.',
      'The oven door closes now if you lift it a little.',
      'I turned the water off, do not be surprised.',
      'The new handle does not fit, of course.',
      'Found the fuse: it is the third from the left.',
      'Tea is ready, the kettle still works.',
    ],
  },
] as const;

const boathouse = {
  name: 'Boathouse committee',
  host: 'ines',
  guests: ['mika', 'pia', 'osk'],
  topics: ['Not for the list yet: the new roof'],
  lines: [
    'Three offers for the roof so far.',
    'The middle one includes the gutters.',
    'I would rather wait for the fourth.',
    'Can we vote before the end of the month?',
    'The key for the padlock is with Juno.',
  ],
} as const;

/** Makes the accounts. */
export async function castOf(servers: readonly DemoServer[]): Promise<ReadonlyMap<string, Person>> {
  const cast = new Map<string, Person>();
  for (const [index, server] of servers.entries()) {
    const { accounts, profiles } = server.services().accounts;
    for (const [seat, displayName] of (names[index] ?? []).entries()) {
      const localpart = displayName.split(' ')[0]?.toLowerCase() ?? '';
      const userId = await accounts.create({ localpart, password, isAdmin: seat === 0 });
      await profiles.set(userId, 'displayname', displayName);
      cast.set(localpart, { userId, server });
    }
  }
  return cast;
}

/** Makes the rooms. People join the public ones from their own servers, and are invited into the other. */
export async function placesOf(cast: ReadonlyMap<string, Person>, signal: AbortSignal): Promise<readonly Place[]> {
  const person = (localpart: string): Person => {
    const found = cast.get(localpart);
    if (found === undefined) throw new Error(`nobody in the demo is called ${localpart}`);
    return found;
  };
  const places: Place[] = [];
  for (const { name, host: hostName, guests, topics, lines } of [...publicRooms, boathouse]) {
    const host = person(hostName);
    const isPrivate = name === boathouse.name;
    const { createRoom, membership } = host.server.services();
    const roomId = await createRoom(wishes(host.userId, name, topics[0], isPrivate));
    const place: Place = { roomId, host, isPrivate, lines, topics, present: new Set([host]), away: new Set() };
    for (const guest of guests.map(person)) {
      if (signal.aborted) return places;
      if (isPrivate) await membership.invite({ userId: host.userId, roomId, target: guest.userId });
      await join(guest, place);
    }
    places.push(place);
  }
  return places;
}

export async function join(guest: Person, { roomId, host, present, away }: Place): Promise<void> {
  const { membership } = guest.server.services();
  await membership.join({ userId: guest.userId, room: roomId, via: [host.server.services().serverName] });
  away.delete(guest);
  present.add(guest);
}

const wishes = (creator: UserId, name: string, topic: string, isPrivate: boolean): NewRoom => ({
  creator,
  name,
  topic,
  preset: isPrivate ? 'private_chat' : 'public_chat',
  version: undefined,
  aliasLocalpart: isPrivate ? undefined : name.toLowerCase().replaceAll(' ', '-'),
  isDirect: false,
  published: !isPrivate,
  invite: [],
  creationContent: {},
  powerLevelOverride: {},
  initialState: [],
});
