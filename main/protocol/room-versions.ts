/** What a room version decides, by behaviour: no code compares version strings. */
export interface RoomVersionRules {
  readonly version: string; // '12'
  /** https://spec.matrix.org/v1.19/rooms/: `serverGiven` in v1–2, standard base64 hash in v3, URL-safe since v4. */
  readonly eventIdFormat: 'serverGiven' | 'hash' | 'urlSafeHash';
  readonly stateResolution: 'v1' | 'v2' | 'v2.1';
  /** v6: floats, duplicate keys and integers out of range make a PDU invalid. */
  readonly strictCanonicalJson: boolean;
  /** v5: signing keys are checked against `valid_until_ts` at the event's time. */
  readonly enforceKeyValidity: boolean;
  /** v1–5 only: `m.room.aliases` has auth and redaction rules of its own. */
  readonly specialAliases: boolean;
  /** v6: the `notifications` of power levels are guarded like the rest. */
  readonly limitNotificationLevels: boolean;
  /** v3: the redaction rule is gone from auth; redactions apply later. */
  readonly redactionAuthRule: boolean;
  /** v7 */
  readonly knock: boolean;
  /** v8 */
  readonly restricted: boolean;
  /** v10 */
  readonly knockRestricted: boolean;
  /** v10: power levels are integers, not strings. */
  readonly integerPowerLevels: boolean;
  /** v9: redaction keeps `join_authorised_via_users_server`. v8 lacks it. */
  readonly redactionKeepsAuthorisedVia: boolean;
  /** v8: redaction keeps `allow` of join rules. */
  readonly redactionKeepsAllow: boolean;
  /** v11: create keeps all, member keeps `third_party_invite.signed`, power levels keep `invite`, `redacts` is kept. */
  readonly updatedRedaction: boolean;
  /** v11: `redacts` is in the content. */
  readonly redactsInContent: boolean;
  /** v11: the room's creator is the create event's sender; before `content.creator`. */
  readonly implicitCreator: boolean;
  /** v12: creators outrank every power level, `additional_creators` are creators. */
  readonly privilegedCreators: boolean;
  /** v12: the room ID is the create event's ID with another sigil; the create event has no `room_id`, and is not cited. */
  readonly roomIdIsCreateHash: boolean;
}
