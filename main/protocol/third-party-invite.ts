import { isObject, type JsonObject } from './json.ts';
import { signaturesBy, signedJson, verifySignature } from './signing.ts';

/** Enough for an identity server's keys and signatures; not for who would keep us busy with ten thousands of them. */
const mostTries = 100;

/**
 * "If any signature in `signed` matches any public key in the `m.room.third_party_invite` event": whichever server's it
 * says to be. https://spec.matrix.org/v1.19/server-server-api/#verifying-the-invite
 */
export function verifyThirdParty(signed: JsonObject, publicKeys: readonly string[]): boolean {
  const servers = isObject(signed['signatures']) ? Object.keys(signed['signatures']) : [];
  const message = signedJson(signed);
  let tries = 0;
  for (const server of servers) {
    for (const signature of signaturesBy(signed, server).values()) {
      for (const key of publicKeys) {
        if (++tries > mostTries) return false;
        if (verifySignature(key, message, signature)) return true;
      }
    }
  }
  return false;
}
