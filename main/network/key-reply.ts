/** Keys that can be used: Ed25519, with the grammar of https://spec.matrix.org/v1.19/server-server-api/#publishing-keys */
export const isKeyId = (text: string): boolean => /^ed25519:[A-Za-z0-9_]{1,255}$/.test(text);
