import type { AnyRoute } from '../route.ts';

/**
 * The same endpoints under `r0` as well, where clients from before v1.1 of the specification look for what is `v3` now.
 */
export const withOldPaths = (routes: readonly AnyRoute[]): readonly AnyRoute[] =>
  routes.flatMap((route) => {
    const old = route.path.replace('/_matrix/client/v3/', '/_matrix/client/r0/');
    return old === route.path ? [route] : [route, { ...route, path: old }];
  });
