import sharp from 'sharp';

/** A picture of `width` × `height`; `pages` make it move. */
export async function picture(
  format: 'png' | 'jpeg' | 'gif' | 'webp' | 'avif',
  width: number,
  height: number,
  { pages = 1, alpha = false }: { readonly pages?: number; readonly alpha?: boolean } = {},
): Promise<Buffer> {
  const channels = alpha ? 4 : 3;
  const raw = Buffer.alloc(width * height * pages * channels);
  for (let at = 0; at < raw.length; at++) raw[at] = (at * 7919 + (at >> 12)) % 251;
  const image = sharp(raw, { raw: { width, height: height * pages, channels, pageHeight: height } });
  return await image.toFormat(format).toBuffer();
}

export async function about(bytes: Uint8Array) {
  const { format, width = 0, height = 0, pages = 1, pageHeight } = await sharp(bytes, { pages: -1 }).metadata();
  return { format, width, height: pageHeight ?? height, pages };
}
