import { protocol } from 'electron';

const scheme = 'app';

/** Where the window's page comes from: never `file://`, where every file would be of one origin. */
export const pageOrigin = `${scheme}://hearth`;

export const isOurPage = (url: string): boolean => url.startsWith(`${pageOrigin}/`);

/** A file of the page, by the path in its address. */
type PageFiles = (url: string) => Promise<{
  readonly status: number;
  readonly headers: { readonly 'Content-Type': string } & Readonly<Record<string, string>>;
  readonly body: Buffer;
}>;

/** Before the app is ready. */
export function declarePageScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme, privileges }]);
}

/** Serves the page at `app://hearth/`, once the app is ready. */
export function servePage(files: PageFiles): void {
  if ('handle' in protocol) {
    protocol.handle(scheme, async ({ url }) => {
      const { status, headers, body } = await files(url);
      return new Response(new Uint8Array(body), { status, headers });
    });
    return;
  }
  // Electron 22, with which the desktop tests run, knows the older call only.
  const { registerBufferProtocol } = protocol as typeof Electron.protocol;
  registerBufferProtocol(scheme, async ({ url }, callback) => {
    const { status, headers, body } = await files(url);
    const [mimeType = ''] = headers['Content-Type'].split(';');
    callback({ statusCode: status, headers, mimeType, data: body });
  });
}
