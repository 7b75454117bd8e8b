import type { EventId, FlowId, RoomId, ServerName, UserId } from '../../shared/ids.ts';

/** Identifiers for sample data, taken as they are: samples hold hostile ones too. */
export const server = (name: string) => name as ServerName;
export const user = (id: string) => id as UserId;
export const room = (id: string) => id as RoomId;
const event = (id: string) => id as EventId;
export const flow = (id: number | string) => String(id) as FlowId;

/** Rooms and events that several samples speak of. */
export const tidepool = room('!X3j3yKxoi3AVwc4N6S5aSDSPoxXUwGPlMjNEXunmAzI');
export const choir = room('!choirlogistics:osk.example');
export const orchard = room('!8rBvNqkJZ0mVbGqB4aYd1mCw6r1yF3nHk2s5tU7vWxY');
export const rejectedTopic = event('$FzqcSJ3e5Wa7BGGNJFr3jB6j5HFCr5rj1ugawrWlwvo');
export const powerLevels = event('$mzT11EEqbrwQXp2T531tZq5aJYSUTGKy2KuvONMg7Co');
export const oldPowerLevels = event('$yjXq2LBxiFJBIbZ8bnDIbMgVjkbtWdoAO6Ct_aE5CXY');
export const ban = event('$Bn0Qm4vTzU1xHk8sWc2yLrE6pGd9aJf3oKi5bNt7ViS');

/** An event id for the n-th of something. */
export function eventNumber(n: number): EventId {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let state = Math.imul(n + 1, 2_654_435_761);
  let id = '$';
  for (let index = 0; index < 43; index++) {
    state = Math.imul(state, 1_103_515_245) + 12_345;
    id += letters[(state >>> 16) % 64];
  }
  return event(id);
}
