import type { AccountServices } from '../../accounts/open-accounts.ts';
import type { AnyRoute } from '../route.ts';
import { loginRoutes } from './login.ts';
import { withOldPaths } from './paths.ts';
import { registerRoutes } from './register.ts';
import { versions } from './versions.ts';
import { wellKnownRoutes } from './well-known.ts';

interface ClientRoutesOptions extends AccountServices {
  readonly clientUrl: () => string | undefined;
  readonly delegatedServer: () => string | undefined;
}

/** The client-server API. */
export const clientRoutes = (services: ClientRoutesOptions): readonly AnyRoute[] =>
  withOldPaths([
    versions,
    ...wellKnownRoutes(services),
    ...loginRoutes(services),
    ...registerRoutes({ ...services, setDisplayName: async () => undefined }),
  ]);
