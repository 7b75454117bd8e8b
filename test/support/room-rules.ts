import type { RoomVersionRules } from '../../main/protocol/room-versions.ts';

const v1: RoomVersionRules = {
  version: '1',
  eventIdFormat: 'serverGiven',
  stateResolution: 'v1',
  strictCanonicalJson: false,
  enforceKeyValidity: false,
  specialAliases: true,
  limitNotificationLevels: false,
  redactionAuthRule: true,
  knock: false,
  restricted: false,
  knockRestricted: false,
  integerPowerLevels: false,
  redactionKeepsAuthorisedVia: false,
  redactionKeepsAllow: false,
  updatedRedaction: false,
  redactsInContent: false,
  implicitCreator: false,
  privilegedCreators: false,
  roomIdIsCreateHash: false,
};
const v2: RoomVersionRules = { ...v1, version: '2', stateResolution: 'v2' };
const v3: RoomVersionRules = { ...v2, version: '3', eventIdFormat: 'hash', redactionAuthRule: false };
const v4: RoomVersionRules = { ...v3, version: '4', eventIdFormat: 'urlSafeHash' };
const v5: RoomVersionRules = { ...v4, version: '5', enforceKeyValidity: true };
const v6: RoomVersionRules = {
  ...v5,
  version: '6',
  specialAliases: false,
  limitNotificationLevels: true,
  strictCanonicalJson: true,
};
const v7: RoomVersionRules = { ...v6, version: '7', knock: true };
const v8: RoomVersionRules = { ...v7, version: '8', restricted: true, redactionKeepsAllow: true };
const v9: RoomVersionRules = { ...v8, version: '9', redactionKeepsAuthorisedVia: true };
const v10: RoomVersionRules = { ...v9, version: '10', knockRestricted: true, integerPowerLevels: true };
const v11: RoomVersionRules = {
  ...v10,
  version: '11',
  implicitCreator: true,
  updatedRedaction: true,
  redactsInContent: true,
};
const v12: RoomVersionRules = {
  ...v11,
  version: '12',
  privilegedCreators: true,
  roomIdIsCreateHash: true,
  stateResolution: 'v2.1',
};
export const roomVersions = new Map([v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12].map((v) => [v.version, v]));
