import { join } from './cast.ts';
import { act, awayFrom, chance, gone, guest, pause, pick, type Scene, say, someone, type } from './stage.ts';

/** Somebody types, and says it. */
export const talk: Scene = async (stage, place) => {
  const speaker = someone(stage, place);
  await type(stage, place, speaker);
  await say(place, speaker, pick(stage, place.lines));
};

const replies = ['Good.', 'I saw that too.', 'Are you sure?', 'Thank you!'] as const;

/** Somebody says something; another reads it, and answers or likes it. */
export const answer: Scene = async (stage, place) => {
  const [first, second] = [someone(stage, place), someone(stage, place)];
  const eventId = await say(place, first, pick(stage, place.lines));
  await pause(stage, 1500);
  const { rooms, accounts } = second.server.services();
  if (first === second || rooms.event(eventId) === undefined) return; // it has not arrived yet
  accounts.receipts.read({ roomId: place.roomId, userId: second.userId, type: 'm.read', eventId });
  if (chance(stage) < 0.4) {
    const key = pick(stage, ['👍', '🌊', '❤️']);
    const content = { 'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key } };
    await act(place, second, { type: 'm.reaction', content });
    return;
  }
  await type(stage, place, second);
  await say(place, second, pick(stage, replies), { 'm.relates_to': { 'm.in_reply_to': { event_id: eventId } } });
};

/** A word too many is taken back, and its content gone on every server. */
export const regret: Scene = async (stage, place) => {
  const speaker = someone(stage, place);
  const redacts = await say(place, speaker, 'The door code is 4711.');
  await pause(stage, 2000);
  await act(place, speaker, { type: 'm.room.redaction', redacts, content: { reason: 'not in here' } });
};

export const newTopic: Scene = async (stage, place) => {
  const topic = pick(stage, place.topics);
  await act(place, place.host, { type: 'm.room.topic', stateKey: '', content: { topic } });
};

/** Out, and in again: through another server, where nobody else of one's own is in the room. */
export const comeAndGo: Scene = async (stage, place) => {
  const returning = awayFrom(place);
  if (returning !== undefined) return join(returning, place);
  const leaving = guest(stage, place);
  if (leaving === undefined || place.isPrivate || place.present.size < 4) return;
  const { userId, server } = leaving;
  await server.services().membership.leave({ userId, roomId: place.roomId, reason: 'back later' });
  gone(place, leaving);
};
