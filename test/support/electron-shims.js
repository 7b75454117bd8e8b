// What Electron 22's runtime (Node 16.17) lacks of the Node 20 that the product is written for. For test builds only.
import { webcrypto } from 'node:crypto';

const lacking = {
  crypto: webcrypto,
  structuredClone: (value) => require('node:v8').deserialize(require('node:v8').serialize(value)),
};
for (const [name, value] of Object.entries(lacking)) {
  if (globalThis[name] === undefined)
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
