/** Unpadded, in the standard alphabet: https://spec.matrix.org/v1.19/appendices/#unpadded-base64 */
export const encodeBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64').replace(/=+$/, '');

const alphabet = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * With padding or without ("SHOULD accept input with or without"), and in either alphabet: keys of third-party invites
 * come in both, and the other servers take both everywhere. Nothing for text that has anything else in it.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!alphabet.test(text)) return undefined;
  const digits = text.replace(/=+$/, '').length;
  return digits % 4 === 1 ? undefined : Buffer.from(text, 'base64');
}
