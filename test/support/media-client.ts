import type { MatrixClient } from './matrix-client.ts';

/** The files of a person on any Matrix server. */
export function mediaClient(url: string, { token }: Pick<MatrixClient, 'token'>) {
  const signedIn = { authorization: `Bearer ${token}` };
  const post = async (path: string, headers: Readonly<Record<string, string>>, body?: Uint8Array, method = 'POST') => {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: { ...signedIn, ...headers },
      ...(body && { body: Buffer.from(body) }),
    });
    const text = await reply.text();
    if (reply.status !== 200) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return JSON.parse(text) as { readonly content_uri: string };
  };
  return {
    /** `example.org/abc` of the file's mxc:// URI. */
    async upload(bytes: Uint8Array, type: string, name?: string): Promise<string> {
      const query = name === undefined ? '' : `?filename=${encodeURIComponent(name)}`;
      const { content_uri } = await post(`/_matrix/media/v3/upload${query}`, { 'content-type': type }, bytes);
      return content_uri.slice('mxc://'.length);
    },
    create: async (): Promise<string> =>
      (await post('/_matrix/media/v1/create', {})).content_uri.slice('mxc://'.length),
    put: (path: string, bytes: Uint8Array, type: string) =>
      post(`/_matrix/media/v3/upload/${path}`, { 'content-type': type }, bytes, 'PUT'),
    /** `download/example.org/abc` and its like, below `/_matrix/client/v1/media`. */
    async get(path: string) {
      const reply = await fetch(`${url}/_matrix/client/v1/media/${path}`, { headers: signedIn });
      const bytes = Buffer.from(await reply.arrayBuffer());
      const isJson = reply.headers.get('content-type')?.startsWith('application/json') === true;
      const { errcode } = (isJson && reply.status !== 200 ? JSON.parse(bytes.toString()) : {}) as { errcode?: string };
      return {
        status: reply.status,
        errcode,
        type: reply.headers.get('content-type'),
        disposition: reply.headers.get('content-disposition'),
        bytes,
      };
    },
  };
}
