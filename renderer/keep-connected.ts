import { type Bridge, connectBridge, type Port } from '../shared/bridge.ts';

/** How the page stands with its server. A lost connection keeps no bridge; what was shown stays on screen. */
export type Connection =
  | { readonly state: 'connecting'; readonly bridge: undefined }
  | { readonly state: 'open'; readonly bridge: Bridge }
  | {
      readonly state: 'lost';
      readonly bridge: undefined;
      readonly since: number;
      readonly why: string;
      readonly retryAt: number;
    };

const firstWait = 500;
const longestWait = 15_000;

/** Connects, and again whenever the connection breaks: after half a second, doubling to 15, until `stop`. */
export function keepConnected(connect: () => Promise<Port>, show: (connection: Connection) => void) {
  let wait = firstWait;
  let since: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  const lose = (why: string) => {
    if (isStopped) return;
    since ??= Date.now();
    show({ state: 'lost', bridge: undefined, since, why, retryAt: Date.now() + wait });
    timer = setTimeout(open, wait);
    wait = Math.min(longestWait, wait * 2);
  };
  const open = () => {
    clearTimeout(timer);
    connect().then(
      (port) => {
        if (isStopped) return;
        const bridge = connectBridge(port);
        bridge.onClose(({ message }) => lose(message));
        since = undefined;
        wait = firstWait;
        show({ state: 'open', bridge });
      },
      (error: unknown) => lose(error instanceof Error ? error.message : String(error)),
    );
  };
  open();

  return {
    retryNow: open,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
