import { type IpAddress, isWithin, parseIp, parseRange } from './ip-address.ts';

/** Why we do not connect to an address; nothing where we do. */
export type AddressGuard = (address: string) => string | undefined;

/**
 * What is no place on the Internet: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 twin. Other
 * servers choose where we connect, and must not send us to machines that only we can reach.
 */
const refused: readonly [cidr: string, what: string][] = [
  ['0.0.0.0/8', 'this host'],
  ['10.0.0.0/8', 'a private address'],
  ['100.64.0.0/10', "an address inside a provider's network"],
  ['127.0.0.0/8', 'a loopback address'],
  ['169.254.0.0/16', 'a link-local address'],
  ['172.16.0.0/12', 'a private address'],
  ['192.0.0.0/24', 'reserved for protocols'],
  ['192.0.2.0/24', 'reserved for documentation'],
  ['192.88.99.0/24', 'a relay of 6to4'],
  ['192.168.0.0/16', 'a private address'],
  ['198.18.0.0/15', 'reserved for benchmarks'],
  ['198.51.100.0/24', 'reserved for documentation'],
  ['203.0.113.0/24', 'reserved for documentation'],
  ['224.0.0.0/4', 'a multicast address'],
  ['240.0.0.0/4', 'a reserved address'], // 255.255.255.255 too
  ['::/128', 'this host'],
  ['::1/128', 'a loopback address'],
  ['64:ff9b:1::/48', 'an address of a NAT64 of its own'],
  ['100::/64', 'an address where all is discarded'],
  ['2001::/23', 'reserved for protocols'], // Teredo too
  ['2001:db8::/32', 'reserved for documentation'],
  ['3fff::/20', 'reserved for documentation'],
  ['5f00::/16', 'reserved for segment routing'],
  ['fc00::/7', 'a private address'],
  ['fe80::/10', 'a link-local address'],
  ['fec0::/10', 'a site-local address'],
  ['ff00::/8', 'a multicast address'],
];

/** Ranges of IPv6 in which an IPv4 address is hidden, and how many bits stand right of it. */
const embedding: readonly [cidr: string, shift: bigint][] = [
  ['::ffff:0:0/96', 0n], // IPv4-mapped
  ['::/96', 0n], // IPv4-compatible, deprecated
  ['::ffff:0:0:0/96', 0n], // IPv4-translated
  ['64:ff9b::/96', 0n], // NAT64
  ['2002::/16', 80n], // 6to4
];

const refusedRanges = refused.map(([cidr, what]) => ({ range: parseRange(cidr), what }));
const embeddingRanges = embedding.map(([cidr, shift]) => ({ range: parseRange(cidr), shift }));

/**
 * Looks at each address before we connect to it: after names are resolved, and again at each redirect. `allowed` are the
 * ranges in which the owner lets other servers be, though they are private.
 */
export function addressGuard(allowed: readonly string[]): AddressGuard {
  const ranges = allowed.map(parseRange);
  return (text) => {
    const address = parseIp(text);
    if (address === undefined) return `${text} is not an address`;
    for (const form of [address, ...hiddenIn(address)]) {
      if (ranges.some((range) => isWithin(form, range))) return undefined;
    }
    const what = whatIs(address);
    return what === undefined ? undefined : `${text} is ${what}`;
  };
}

function whatIs(address: IpAddress): string | undefined {
  for (const { range, what } of refusedRanges) if (isWithin(address, range)) return what;
  for (const hidden of hiddenIn(address)) return whatIs(hidden);
  return undefined;
}

/** The IPv4 address to which a machine on the way may translate it. */
function hiddenIn(address: IpAddress): readonly IpAddress[] {
  const found = embeddingRanges.find(({ range }) => isWithin(address, range));
  return found === undefined ? [] : [{ family: 4, value: (address.value >> found.shift) & 0xffff_ffffn }];
}
