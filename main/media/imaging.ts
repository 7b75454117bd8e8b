import type { ThumbnailKind } from '../db/media.ts';
import type { Log } from '../log.ts';
import { createSlots } from '../network/slots.ts';
import type { ImageType, ThumbnailType } from './image-type.ts';

type Sharp = typeof import('sharp').default;

export interface Picture {
  readonly path: string;
  readonly type: ImageType;
  /** It is a PNG that says so; for other types the pages are counted. */
  readonly isAnimated: boolean;
}

export type Made =
  | { readonly kind: 'thumbnail'; readonly type: ThumbnailType; readonly bytes: Uint8Array }
  /** It is small enough, and of a type that thumbnails may have. */
  | { readonly kind: 'original' }
  | { readonly kind: 'tooLarge' }
  /** It is damaged, or took too long. */
  | { readonly kind: 'unreadable' }
  /** There is nobody who could. */
  | { readonly kind: 'unavailable' };

/** Makes pictures smaller. */
export type Imaging = (picture: Picture, wanted: ThumbnailKind) => Promise<Made>;

/** Pictures at once, each in a thread of libuv, which has four for all of us. */
const atOnce = 2;
const deadlineSeconds = 20;
/** Decoders that strangers' files may reach. Not SVG: it can refer to other files. */
const decoders = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((name) => `VipsForeignLoad${name}`);

/** By sharp, loaded when the first picture comes: where it is missing there are no thumbnails, and no other harm. */
export function createImaging({ log, maxPixels }: { readonly log: Log; readonly maxPixels: number }): Imaging {
  const slots = createSlots(atOnce);
  const never = new AbortController().signal; // what others may wait for, too, goes on without whoever asked first
  let loading: Promise<Sharp | undefined> | undefined;

  const load = async (): Promise<Sharp | undefined> => {
    try {
      const { default: sharp } = await import('sharp');
      sharp.concurrency(1);
      sharp.cache(false);
      sharp.block({ operation: ['VipsForeignLoad'] });
      sharp.unblock({ operation: decoders });
      return sharp;
    } catch (error) {
      log.warn('sharp cannot be loaded: originals stand in for thumbnails', { error });
      return undefined;
    }
  };

  return async (picture, wanted) => {
    loading ??= load();
    const sharp = await loading;
    if (sharp === undefined) return { kind: 'unavailable' };
    const giveBack = await slots.take('', never);
    try {
      return await make(sharp, picture, wanted, maxPixels);
    } catch (error) {
      log.debug('a picture cannot be read', { error });
      return { kind: 'unreadable' };
    } finally {
      giveBack();
    }
  };
}

async function make(sharp: Sharp, picture: Picture, wanted: ThumbnailKind, maxPixels: number): Promise<Made> {
  const about = await sharp(picture.path, { limitInputPixels: false }).metadata();
  const { width = 0, height = 0 } = about.autoOrient ?? about;
  const pages = about.pages ?? 1;
  if (width * height > maxPixels) return { kind: 'tooLarge' };
  const moves = wanted.animated && pages > 1 && width * height * pages <= maxPixels;
  const target = targetSize({ width, height }, wanted);
  const isSmaller = target.width < width || target.height < height;
  const isStatic = pages === 1 && !picture.isAnimated;
  if (!isSmaller && picture.type !== 'image/avif' && (isStatic || wanted.animated)) return { kind: 'original' };

  const made = sharp(picture.path, { limitInputPixels: maxPixels, animated: moves, failOn: 'truncated' })
    .timeout({ seconds: deadlineSeconds })
    .autoOrient()
    .resize({ ...target, fit: 'cover', withoutEnlargement: true });
  const [type, encoded] = moves
    ? (['image/webp', made.webp({ effort: 2 })] as const)
    : about.hasAlpha
      ? (['image/png', made.png()] as const)
      : (['image/jpeg', made.jpeg({ quality: 80 })] as const);
  return { kind: 'thumbnail', type, bytes: await encoded.toBuffer() };
}

/**
 * "Servers MUST NOT return a smaller thumbnail than requested, unless the original content makes that impossible", nor a
 * larger one than the original: scaling covers the wanted size, cropping keeps its aspect.
 * https://spec.matrix.org/v1.19/client-server-api/#thumbnails
 */
function targetSize(original: { readonly width: number; readonly height: number }, wanted: ThumbnailKind) {
  const across = original.width / wanted.width;
  const down = original.height / wanted.height;
  const least = Math.min(across, down);
  if (wanted.method === 'scale') {
    const factor = Math.max(1, least);
    return { width: atLeastOne(original.width / factor), height: atLeastOne(original.height / factor) };
  }
  if (across <= 1 && down <= 1) return original;
  const factor = Math.min(1, least);
  return { width: atLeastOne(wanted.width * factor), height: atLeastOne(wanted.height * factor) };
}

const atLeastOne = (length: number) => Math.max(1, Math.round(length));
