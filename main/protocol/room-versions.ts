/** What a room version decides, by behaviour: no code compares version strings. */
export interface RoomVersionRules {
  readonly version: string; // '12'
  /**
   * `serverGiven` in v1–2, the reference hash in standard base64 in v3, in URL-safe base64 since v4.
   * https://spec.matrix.org/v1.19/rooms/v3/#event-ids, https://spec.matrix.org/v1.19/rooms/v4/#event-ids
   */
  readonly eventIdFormat: 'serverGiven' | 'hash' | 'urlSafeHash';
  /** v2, and v12: https://spec.matrix.org/v1.19/rooms/v2/#state-resolution, https://spec.matrix.org/v1.19/rooms/v12/#state-resolution */
  readonly stateResolution: 'v1' | 'v2' | 'v2.1';
  /**
   * v6: floats, duplicate keys and integers out of range make a PDU invalid.
   * https://spec.matrix.org/v1.19/rooms/v6/#canonical-json
   */
  readonly strictCanonicalJson: boolean;
  /**
   * v5: signing keys are checked against `valid_until_ts` at the event's time.
   * https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period
   */
  readonly enforceKeyValidity: boolean;
  /**
   * v1–5 only: `m.room.aliases` has auth and redaction rules of its own.
   * https://spec.matrix.org/v1.19/rooms/v6/#authorisation-rules, https://spec.matrix.org/v1.19/rooms/v6/#redactions
   */
  readonly specialAliases: boolean;
  /**
   * v6: the `notifications` of power levels are guarded like the rest.
   * https://spec.matrix.org/v1.19/rooms/v6/#authorisation-rules
   */
  readonly limitNotificationLevels: boolean;
  /**
   * v1–2 only: who may redact is an auth rule. Since v3 redactions are let through, and apply later if they may.
   * https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
   */
  readonly redactionAuthRule: boolean;
  /** v7: https://spec.matrix.org/v1.19/rooms/v7/#authorisation-rules */
  readonly knock: boolean;
  /** v8: https://spec.matrix.org/v1.19/rooms/v8/#authorisation-rules */
  readonly restricted: boolean;
  /** v10: https://spec.matrix.org/v1.19/rooms/v10/#authorisation-rules */
  readonly knockRestricted: boolean;
  /**
   * v10: power levels are integers, not strings.
   * https://spec.matrix.org/v1.19/rooms/v10/#values-in-mroompower_levels-events-must-be-integers
   */
  readonly integerPowerLevels: boolean;
  /**
   * v9: redaction keeps `join_authorised_via_users_server`. v8 lacks it.
   * https://spec.matrix.org/v1.19/rooms/v9/#redactions
   */
  readonly redactionKeepsAuthorisedVia: boolean;
  /** v8: redaction keeps `allow` of join rules. https://spec.matrix.org/v1.19/rooms/v8/#redactions */
  readonly redactionKeepsAllow: boolean;
  /**
   * v11: create keeps all, member keeps `third_party_invite.signed`, power levels keep `invite`, redactions `redacts`;
   * `origin`, `membership` and `prev_state` are kept no more. https://spec.matrix.org/v1.19/rooms/v11/#redactions
   */
  readonly updatedRedaction: boolean;
  /**
   * v11: `redacts` is in the content.
   * https://spec.matrix.org/v1.19/rooms/v11/#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property
   */
  readonly redactsInContent: boolean;
  /**
   * v11: the room's creator is the create event's sender; before `content.creator`.
   * https://spec.matrix.org/v1.19/rooms/v11/#remove-the-creator-property-of-mroomcreate-events
   */
  readonly implicitCreator: boolean;
  /**
   * v12: creators outrank every power level, `additional_creators` are creators.
   * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
   */
  readonly privilegedCreators: boolean;
  /**
   * v12: the room ID is the create event's ID with another sigil; the create event has no `room_id`, and is not cited.
   * https://spec.matrix.org/v1.19/rooms/v12/#event-format-1
   */
  readonly roomIdIsCreateHash: boolean;
}

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
  strictCanonicalJson: true,
  specialAliases: false,
  limitNotificationLevels: true,
};
const v7: RoomVersionRules = { ...v6, version: '7', knock: true };
const v8: RoomVersionRules = { ...v7, version: '8', restricted: true, redactionKeepsAllow: true };
const v9: RoomVersionRules = { ...v8, version: '9', redactionKeepsAuthorisedVia: true };
const v10: RoomVersionRules = { ...v9, version: '10', knockRestricted: true, integerPowerLevels: true };
const v11: RoomVersionRules = {
  ...v10,
  version: '11',
  updatedRedaction: true,
  redactsInContent: true,
  implicitCreator: true,
};
const v12: RoomVersionRules = {
  ...v11,
  version: '12',
  stateResolution: 'v2.1',
  privilegedCreators: true,
  roomIdIsCreateHash: true,
};

/** All that the specification calls stable: https://spec.matrix.org/v1.19/rooms/#complete-list-of-room-versions */
export const roomVersions: ReadonlyMap<string, RoomVersionRules> = new Map(
  [v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12].map((rules) => [rules.version, rules]),
);

/** For rooms that are made without a wish: "Servers SHOULD use room version 12 as the default room version". */
export const defaultRoomVersion = '12';

/** Nothing for a version that we do not know, as for `1.0` or ` 1`. */
export const rulesOf = (version: string): RoomVersionRules | undefined => roomVersions.get(version);
