import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { atEnd } from './at-end.ts';

/** A small server of localtunnel's protocol: `GET /?new` or `/<name>` opens a port; what connects there carries raw HTTP. */
export interface TunnelServer {
  readonly url: string;
  /** Sends a request through the tunnel of that name, as somebody outside would. */
  ask(
    name: string,
    path: string,
    init?: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<string>;
  /** Cuts every connection, and takes none until `open`. */
  cut(): Promise<void>;
  open(): Promise<void>;
}

interface OpenTunnel {
  readonly server: Server;
  readonly idle: Socket[];
  readonly sockets: Set<Socket>;
}

export async function startTunnelServer(): Promise<TunnelServer> {
  const tunnels = new Map<string, OpenTunnel>();
  let port = 0;
  let made = 0;
  let front = createHttpServer();

  const handle = async ({ url = '/' }: IncomingMessage, response: ServerResponse) => {
    if (url.startsWith('/api/')) {
      response.end('{}');
      return;
    }
    const name = url === '/?new' ? `made-${++made}` : url.slice(1);
    const tunnel: OpenTunnel = { server: createServer(), idle: [], sockets: new Set() };
    tunnel.server.on('connection', (socket) => {
      tunnel.sockets.add(socket);
      tunnel.idle.push(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => tunnel.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => tunnel.server.listen(0, '127.0.0.1', resolve));
    tunnels.get(name)?.server.close();
    tunnels.set(name, tunnel);
    const answer = {
      id: name,
      port: (tunnel.server.address() as AddressInfo).port,
      max_conn_count: 2,
      url: `https://${name}.tunnel.test`,
    };
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
  };

  const open = async () => {
    front = createHttpServer((request, response) => void handle(request, response));
    front.listen(port, '127.0.0.1');
    await once(front, 'listening');
    port = (front.address() as AddressInfo).port;
  };
  const cut = async () => {
    for (const { server, sockets } of tunnels.values()) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
    tunnels.clear();
    front.closeAllConnections();
    await new Promise((resolve) => front.close(resolve));
  };
  await open();
  atEnd(cut);

  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    open,
    async ask(name, path, { method = 'GET', headers = {}, body = '' } = {}) {
      const socket = tunnels.get(name)?.idle.shift();
      if (socket === undefined) throw new Error(`there is no open connection for ${name}`);
      const lines = Object.entries({
        Host: `${name}.tunnel.test`,
        Connection: 'close',
        'Content-Length': String(Buffer.byteLength(body)),
        ...headers,
      });
      socket.write(
        `${method} ${path} HTTP/1.1\r\n${lines.map(([key, value]) => `${key}: ${value}\r\n`).join('')}\r\n${body}`,
      );
      let reply = '';
      socket.on('data', (chunk) => {
        reply += chunk;
      });
      await once(socket, 'close');
      return reply;
    },
  };
}
