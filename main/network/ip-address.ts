/** An address as a number, to be compared with ranges. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A range such as `10.0.0.0/8`. */
export interface IpRange {
  readonly family: 4 | 6;
  readonly network: bigint;
  /** How many bits lie right of the prefix. */
  readonly freeBits: bigint;
}

/** `127.0.0.1` or `::1` (RFC 4291, section 2.2), nothing looser: no octal, no shortened IPv4, no zone, no brackets. */
export function parseIp(text: string): IpAddress | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 6 : 4, value };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = withoutV4(text)?.split('::') ?? [];
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined || (halves.length > 1 && tail === undefined) || halves.length > 2) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined; // `::` stands for at least one group
  const groups = [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** `::ffff:1.2.3.4` as `::ffff:102:304`. */
function withoutV4(text: string): string | undefined {
  const cut = text.lastIndexOf(':') + 1;
  if (!text.includes('.')) return text;
  const v4 = parseV4(text.slice(cut));
  return v4 === undefined
    ? undefined
    : `${text.slice(0, cut)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  if (groups.length > 8 || !groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16));
}

/** @throws RangeError for what is no CIDR notation */
export function parseRange(cidr: string): IpRange {
  const [base = '', bits = '', ...rest] = cidr.split('/');
  const address = parseIp(base);
  const width = address?.family === 4 ? 32 : 128;
  if (address === undefined || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > width) {
    throw new RangeError(`${cidr} is not an address range such as 10.0.0.0/8`);
  }
  const freeBits = BigInt(width - Number(bits));
  return { family: address.family, network: address.value >> freeBits, freeBits };
}

export const isWithin = ({ family, value }: IpAddress, range: IpRange): boolean =>
  family === range.family && value >> range.freeBits === range.network;
