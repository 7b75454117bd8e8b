import { expect, test } from 'vitest';
import { defaultRoomVersion, type RoomVersionRules, roomVersions, rulesOf } from '../../main/protocol/room-versions.ts';

const versions = Array.from({ length: 12 }, (_, index) => String(index + 1));

/** Which behaviour begins, and which ends, with which version: https://spec.matrix.org/v1.19/rooms/ */
const since: { readonly [flag in keyof RoomVersionRules]?: number } = {
  strictCanonicalJson: 6,
  enforceKeyValidity: 5,
  limitNotificationLevels: 6,
  knock: 7,
  restricted: 8,
  knockRestricted: 10,
  integerPowerLevels: 10,
  redactionKeepsAuthorisedVia: 9,
  redactionKeepsAllow: 8,
  updatedRedaction: 11,
  redactsInContent: 11,
  implicitCreator: 11,
  privilegedCreators: 12,
  roomIdIsCreateHash: 12,
};
const until: { readonly [flag in keyof RoomVersionRules]?: number } = { specialAliases: 5, redactionAuthRule: 2 };

test('there are twelve, and 12 is for new rooms', () => {
  expect([...roomVersions.keys()]).toEqual(versions);
  expect(versions.map((version) => rulesOf(version)?.version)).toEqual(versions);
  expect(defaultRoomVersion).toBe('12');
});

test.each(['', '0', '13', '01', '1.0', ' 1', 'constructor', 'org.matrix.msc2176'])('%j is none of them', (version) => {
  expect(rulesOf(version)).toBeUndefined();
});

test.each(versions)('version %s behaves as specified', (version) => {
  const number = Number(version);
  const switches = Object.fromEntries([
    ...Object.entries(since).map(([flag, first]) => [flag, number >= first]),
    ...Object.entries(until).map(([flag, last]) => [flag, number <= last]),
  ]);
  expect(rulesOf(version)).toMatchObject({
    ...switches,
    eventIdFormat: number < 3 ? 'serverGiven' : number === 3 ? 'hash' : 'urlSafeHash',
    stateResolution: number === 1 ? 'v1' : number < 12 ? 'v2' : 'v2.1',
  });
});
