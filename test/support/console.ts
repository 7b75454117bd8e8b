import { WebSocket } from 'ws';
import { type Bridge, connectBridge } from '../../shared/bridge.ts';
import { atEnd } from './at-end.ts';

/** The console's bridge over its WebSocket, as the page opens it. `consoleUrl` has the token. Closed with the test. */
export async function openConsole(consoleUrl: string): Promise<Bridge> {
  const { host, origin, hash } = new URL(consoleUrl);
  const token = new URLSearchParams(hash.slice(1)).get('token') ?? '';
  const socket = new WebSocket(`ws://${host}/bridge`, ['hearth', token], { headers: { origin } });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  atEnd(() => socket.terminate());
  return connectBridge({
    send: (message) => socket.send(message),
    onMessage: (listener) => void socket.on('message', (data) => listener(String(data))),
    onClose: (listener) => void socket.once('close', listener),
  });
}
