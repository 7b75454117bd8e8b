import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startConsole } from '../../main/console.ts';
import { pageIn } from '../../main/page.ts';
import { type Handlers, type ServedBridge, serveBridge } from '../../shared/bridge.ts';
import { fakePlatform } from './fake-platform.ts';
import { tempFolder } from './temp-folder.ts';

interface ConsoleFixture {
  /** The page's address with its token. */
  readonly url: string;
  /** What a test emits goes to every open page. */
  readonly bridges: ReadonlySet<ServedBridge>;
  close(): Promise<void>;
}

/** The built page in `folder`, served as the product serves it, over the real WebSocket bridge; answers are the test's. */
export async function serveConsole(folder: string, handlers: Partial<Handlers>): Promise<ConsoleFixture> {
  const bridges = new Set<ServedBridge>();
  const { listener, urlWithToken } = await startConsole({
    address: { host: '127.0.0.1', port: 0 },
    page: pageIn(folder),
    tokenFile: join(tempFolder(), 'token'),
    random: fakePlatform().random,
    onPort: (port) => {
      const bridge = serveBridge(port, handlers);
      bridges.add(bridge);
      port.onClose?.(() => bridges.delete(bridge));
    },
  });
  onTestFinished(() => listener.close());
  return { url: urlWithToken, bridges, close: () => listener.close() };
}
