import { expect, test } from 'vitest';
import { aliasesTable } from '../../main/db/aliases.ts';
import type { RoomAlias, RoomId, UserId } from '../../shared/ids.ts';
import { tempDb } from '../support/temp-db.ts';

const [one, two] = ['#one:a.test', '#two:a.test'] as RoomAlias[] as [RoomAlias, RoomAlias];
const [first, second] = ['!first:a.test', '!second:a.test'] as RoomId[] as [RoomId, RoomId];
const ann = '@ann:a.test' as UserId;

test('an alias is given once, found, listed, moved with its room and deleted', async () => {
  const aliases = aliasesTable(await tempDb());
  expect(aliases.get(one)).toBeUndefined();
  expect(aliases.create(two, first, ann, 1)).toBe(true);
  expect(aliases.create(one, first, ann, 1)).toBe(true);
  expect(aliases.create(one, second, ann, 2)).toBe(false);
  expect(aliases.get(one)).toEqual({ roomId: first, creator: ann });
  expect(aliases.ofRoom(first)).toEqual([one, two]);

  aliases.move(first, second);
  expect(aliases.ofRoom(first)).toEqual([]);
  expect(aliases.get(two)?.roomId).toBe(second);
  aliases.delete(two);
  expect(aliases.get(two)).toBeUndefined();
  expect(aliases.create(two, first, ann, 3)).toBe(true);
});
