import './browser.ts';
import { act } from 'react';
import { createRoot } from 'react-dom/client';
import { onTestFinished, vi } from 'vitest';
import { App } from '../../renderer/app.tsx';
import { ConnectionProvider } from '../../renderer/connection.tsx';
import { type Handlers, type Port, type ServedBridge, serveBridge } from '../../shared/bridge.ts';
import { portPair } from '../support/port-pair.ts';
import { sampleConsole } from '../support/sample-console.ts';

/** A new fragment is told a moment later, as browsers do. */
const settle = () => vi.advanceTimersByTimeAsync(1);

/** Friday, 20 November 2026, 13:32:30 UTC. */
export const now = 1_795_181_550_000;

interface Options {
  readonly hash?: string;
  /** Instead of the sample's answers. */
  readonly handlers?: Partial<Handlers>;
}

interface Shown {
  /** The server's end of the connection that is open. */
  server(): ServedBridge;
  /** Breaks the connection. */
  cut(): Promise<void>;
  /** While it is off, nothing can connect. */
  reachable: boolean;
  /** Lets time pass, and what waited for it happen. */
  pass(ms: number): Promise<void>;
}

/** The whole page over a port, against a server that answers from sample data. */
export async function show({ hash = '#/', handlers = {} }: Options = {}): Promise<Shown> {
  vi.useFakeTimers({ now, toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  history.replaceState(null, '', `/${hash}`);
  localStorage.clear();
  const connections: { server: ServedBridge; close(): void }[] = [];
  const shown: Shown = {
    server: () => connections.at(-1)?.server ?? raise('nothing is connected'),
    cut: () => act(async () => connections.at(-1)?.close()),
    reachable: true,
    pass: (ms) =>
      act(async () => {
        await vi.advanceTimersByTimeAsync(ms);
      }),
  };
  const connect = async (): Promise<Port> => {
    if (!shown.reachable) throw new Error('The server does not answer.');
    const { ends, close } = portPair();
    connections.push({ server: serveBridge(ends[1], { ...sampleConsole(now), ...handlers }), close });
    return ends[0];
  };
  const root = createRoot(document.body.appendChild(document.createElement('div')));
  onTestFinished(async () => {
    await act(async () => root.unmount());
    document.body.replaceChildren();
    vi.useRealTimers();
  });
  await act(async () =>
    root.render(
      <ConnectionProvider connect={connect}>
        <App />
      </ConnectionProvider>,
    ),
  );
  await shown.pass(0);
  return shown;
}

function raise(message: string): never {
  throw new Error(message);
}

export const text = () => document.body.textContent ?? '';
/** The text of each element that matches. */
export const texts = (selector: string) =>
  [...document.querySelectorAll(selector)].map(({ textContent }) => textContent ?? '');

/** The first element that matches, of those that hold `containing`. */
export function find<E extends HTMLElement = HTMLElement>(selector: string, containing = ''): E {
  const found = [...document.querySelectorAll<E>(selector)].find((each) =>
    `${each.textContent} ${each.getAttribute('aria-label')}`.includes(containing),
  );
  return found ?? raise(`nothing like ${selector} with "${containing}"`);
}

export const click = (selector: string, containing?: string) =>
  act(async () => {
    find(selector, containing).click();
    await settle();
  });

/** A key pressed where the focus is. */
export const press = (key: string) =>
  act(async () => {
    const target = document.activeElement ?? document.body;
    target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    await settle();
  });

/** Types over what a field holds, as React hears it. */
export const fill = (selector: string, value: string) =>
  act(async () => {
    const input = find<HTMLInputElement>(selector);
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(input, value);
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await settle();
  });
