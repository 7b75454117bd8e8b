import { BrowserWindow, ipcMain, nativeTheme } from 'electron';
import type { Port } from '../../shared/bridge.ts';
import { ipcPort } from '../bridge/ipc-port.ts';
import { pageOrigin } from './page-scheme.ts';

interface WindowOptions {
  readonly preload: string;
  readonly icon: string;
  /** Is served the console. */
  readonly attach: (port: Port) => void;
}

/** The ground of the page in renderer/styles/tokens.css: nothing flashes before it is there. */
const ground = { light: '#faf8f6', dark: '#141311' };

/** The console in a window. It is shown once it has something to show. */
export async function openWindow({ preload, icon, attach }: WindowOptions): Promise<BrowserWindow> {
  const window = new BrowserWindow({
    title: 'Hearth',
    icon,
    width: 1180,
    height: 780,
    minWidth: 720,
    minHeight: 480,
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? ground.dark : ground.light,
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => window.show());
  attach(ipcPort({ ipc: ipcMain, window, origin: pageOrigin }));
  await window.loadURL(`${pageOrigin}/`);
  return window;
}

/** Brings it before the others, wherever it was. */
export function bringUp(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
