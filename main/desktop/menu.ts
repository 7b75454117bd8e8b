import { app, Menu, type MenuItemConstructorOptions } from 'electron';

/** What the system's shortcuts for editing, zooming and quitting hang on. No reloading, no developer tools. */
export function applicationMenu(): Menu {
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const items = (...roles: NonNullable<MenuItemConstructorOptions['role']>[]) => roles.map((role) => ({ role }));
  return Menu.buildFromTemplate([
    process.platform === 'darwin'
      ? { role: 'appMenu' }
      : { label: '&File', submenu: [...items('about'), separator, ...items('quit')] },
    {
      label: '&Edit',
      submenu: [...items('undo', 'redo'), separator, ...items('cut', 'copy', 'paste', 'selectAll')],
    },
    {
      label: '&View',
      submenu: [...items('resetZoom', 'zoomIn', 'zoomOut'), separator, ...items('togglefullscreen')],
    },
    { label: '&Window', submenu: items('minimize', 'close') },
  ]);
}

export function describeApp(version: string): void {
  app.setAboutPanelOptions({
    applicationName: 'Hearth',
    applicationVersion: version,
    copyright: 'A Matrix homeserver on your own computer. Apache-2.0.',
  });
}
