/** Image types by how files begin: what is said about a file does not count. */
export type ImageType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp' | 'image/avif';

/** How much of a file this looks at, in bytes. */
export const headLength = 4096;

export function imageType(head: Uint8Array): ImageType | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 64)).toString('latin1');
  if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (/^GIF8[79]a/.test(text)) return 'image/gif';
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return 'image/webp';
  if (text.startsWith('ftypavif', 4) || text.startsWith('ftypavis', 4)) return 'image/avif';
  return undefined;
}

/** Thumbnails are of these types: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid */
export type ThumbnailType = Exclude<ImageType, 'image/avif'>;

export const isThumbnailType = (type: ImageType | undefined): type is ThumbnailType =>
  type !== undefined && type !== 'image/avif';

/** Whether a PNG moves: the chunk that says so stands before the picture. The other types' pages are counted by who reads them. */
export function isAnimatedPng(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  const picture = bytes.indexOf('IDAT');
  const control = bytes.indexOf('acTL');
  return control !== -1 && (picture === -1 || control < picture);
}
