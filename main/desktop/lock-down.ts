import { app, session, shell } from 'electron';
import { isOurPage } from './page-scheme.ts';

/** The one place outside that the console links to. It opens in the browser. */
const specification = 'https://spec.matrix.org/';

/** Whatever a window would show: it stays on our page and opens no other. Before the app is ready. */
export function lockDownContents(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(({ url }) => {
      if (url.startsWith(specification)) void shell.openExternal(url);
      return { action: 'deny' };
    });
    contents.on('will-navigate', (event, url) => {
      if (!isOurPage(url)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
  });
}

/** The page may put text on the clipboard, and nothing else. Once the app is ready. */
export function lockDownPermissions(): void {
  const isAllowed = (permission: string, url: string) => permission === 'clipboard-sanitized-write' && isOurPage(url);
  const { defaultSession } = session;
  defaultSession.setPermissionCheckHandler((_contents, permission, origin) => isAllowed(permission, `${origin}/`));
  defaultSession.setPermissionRequestHandler((contents, permission, answer) => {
    answer(isAllowed(permission, contents.getURL()));
  });
  defaultSession.setDevicePermissionHandler(() => false);
}
