import { expect, test } from 'vitest';
import type { ClientRoutesOptions } from '../../main/http/client/routes.ts';
import { clientRoutes } from '../../main/http/client/routes.ts';
import { isSpecified, noOpenApi } from '../support/openapi.ts';

/** Routes take what they need only when they are asked. */
const routes = clientRoutes({} as ClientRoutesOptions);

test('no endpoint is there twice, and those of v3 are under r0, too', () => {
  const names = routes.map(({ method, path }) => `${method} ${path}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  const under = (version: string) => names.filter((name) => name.includes(`/_matrix/client/${version}/`)).length;
  expect(under('v3')).toBeGreaterThan(80);
  expect(under('r0')).toBe(under('v3'));
});

/** Where we take a path with a slash less than the specification has it. */
const withSlash = [/\/state\/:eventType$/, /\/pushrules$/, /\/pushrules\/global$/];

test('every endpoint is one of the specification, by that method', ({ skip }) => {
  if (noOpenApi) skip(noOpenApi);
  const ours = routes.filter(({ path }) => !path.startsWith('/_synapse/') && !path.includes('/r0/'));
  const unknown = ours
    .map(({ method, path }) => ({ method, path: withSlash.some((short) => short.test(path)) ? `${path}/` : path }))
    .filter(({ method, path }) => !isSpecified('client-server', method, path))
    .map(({ method, path }) => `${method} ${path}`);
  expect(unknown).toEqual(['GET /.well-known/matrix/server']); // that is in the server-server API
});
