import type { ServerName } from '../shared/ids.ts';
import type { ListenerStatus, TunnelStatus } from '../shared/views.ts';
import type { Config } from './config.ts';
import { certificateFacts } from './console-sources.ts';
import type { Db } from './db/db.ts';
import { federationRoutes } from './federation-routes.ts';
import { byXMatrix } from './http/authenticate-server.ts';
import { byAccessToken } from './http/client/authenticate.ts';
import { clientRoutes } from './http/client/routes.ts';
import { createRateLimits } from './http/rate-limits.ts';
import { type Listener, listen, matrixApp } from './http/server.ts';
import type { Inspector } from './inspector/inspector.ts';
import { withFlow } from './inspector/with-flow.ts';
import type { Log } from './log.ts';
import { type MatrixServices, openServices } from './matrix-services.ts';
import type { Platform } from './platform.ts';
import { type CertificateFiles, watchCertificateFiles } from './reach/certificate-files.ts';
import { startTunnel, type Tunnel } from './reach/tunnel.ts';
import { readPem } from './settings.ts';

/** The Matrix side of Hearth, once the server has its name. */
export interface MatrixServer {
  readonly serverName: ServerName;
  readonly listeners: readonly ListenerStatus[];
  readonly tunnel: () => TunnelStatus | undefined;
  readonly services: MatrixServices;
  /** Of the federation listener, where there is one. */
  readonly certificate: () => ReturnType<typeof certificateFacts>;
  /** The computer has slept, or its network has changed: peers are told that we are here again. */
  resumed(): void;
  /** Reads the certificate again, if it has changed. By itself this happens every hour. */
  reload(): void;
  close(): Promise<void>;
}

interface MatrixOptions {
  readonly config: Config;
  readonly platform: Platform;
  readonly log: Log;
  readonly db: Db;
  readonly inspector: Inspector;
  readonly serverName: ServerName;
  readonly folder: string;
  readonly onTunnel: (status: TunnelStatus) => void;
}

/** From the database to the wire. What fails half-way is undone. */
export async function startMatrixServer(options: MatrixOptions): Promise<MatrixServer> {
  const { config, platform, log, inspector, serverName } = options;
  const undo: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const services = openServices(options);
    undo.push(services.close);

    let tunnel: Tunnel | undefined;
    const outside = () => tunnelUrl(tunnel?.status());
    const routes = [
      ...clientRoutes({
        ...services.accounts,
        log,
        memberships: services.membership,
        directory: services.directory,
        roomList: services.roomList,
        remoteRoomList: services.remoteRoomList,
        spaces: services.spaces,
        atTime: services.atTime,
        createRoom: services.createRoom,
        upgradeRoom: services.upgradeRoom,
        media: services.media,
        unauthenticatedMedia: config['unauthenticated-media'],
        defaultRoomVersion: services.defaultVersion,
        clientUrl: () => outside() ?? config['public-url'],
        delegatedServer: () => {
          const url = outside();
          return url === undefined ? config['delegate-to'] : `${new URL(url).hostname}:443`;
        },
      }),
      ...(services.mode === 'closed' ? [] : federationRoutes(services, platform)),
    ];
    const app = matrixApp({
      routes,
      authenticate: {
        none: () => undefined,
        client: byAccessToken(services.accounts.sessions),
        server: byXMatrix({
          us: serverName,
          keyring: services.federation.keyring,
          mayFederate: services.federation.mayFederate,
          heardFrom: (server) => {
            services.federation.peers.heardFrom(server);
            services.sender.heardFrom(server);
          },
        }),
      },
      log,
      ...(config['rate-limits'] && {
        limits: createRateLimits({ clock: platform.clock, owner: services.accounts.accounts.owner }),
      }),
      record: (opening, handle) => withFlow(inspector, opening, handle),
      trace: inspector.trace,
      trustedProxies: config['trusted-proxy'],
    });
    const listeners: ListenerStatus[] = [];
    const opened = (kind: ListenerStatus['kind'], listener: Listener) => {
      undo.push(listener.close);
      listeners.push({ kind, address: listener.url });
      log.info('listening', { kind, address: listener.url });
    };
    const client = await listen(app, config['client-listen']);
    opened('client', client);
    const { 'tls-cert': cert, 'tls-key': key } = config;
    let chain: string | undefined;
    let files: CertificateFiles | undefined;
    if (services.mode !== 'closed' && cert !== undefined && key !== undefined) {
      const certificate = { cert: readPem('tls-cert', cert), key: readPem('tls-key', key) };
      chain = certificate.cert;
      const federation = await listen(app, config['federation-listen'], certificate);
      opened('federation', federation);
      files = watchCertificateFiles({
        files: { cert, key },
        current: certificate,
        clock: platform.clock,
        log,
        onNew(renewed) {
          federation.renew(renewed);
          chain = renewed.cert;
        },
      });
      undo.push(files.close);
    }
    if (config.tunnel !== undefined) {
      tunnel = startTunnel({
        server: config['tunnel-server'],
        subdomain: config['tunnel-subdomain'],
        target: { host: config['client-listen'].host, port: Number(new URL(client.url).port) },
        clock: platform.clock,
        log,
        onStatus: options.onTunnel,
      });
      undo.push(tunnel.close);
    }
    services.start();
    return {
      serverName,
      listeners,
      tunnel: () => tunnel?.status(),
      services,
      certificate: () => (chain === undefined ? undefined : certificateFacts(chain)),
      resumed: services.wakeUp,
      reload: () => files?.check(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A tunnel that is being restored still is where others find us. */
const tunnelUrl = (status: TunnelStatus | undefined) => status?.url;
