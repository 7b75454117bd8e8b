import { expect, test } from 'vitest';
import { addressGuard } from '../../main/network/address-guard.ts';
import { isWithin, parseIp, parseRange } from '../../main/network/ip-address.ts';

const public_ = ['8.8.8.8', '1.2.3.4', '172.32.0.1', '100.128.0.1', '223.255.255.255', '2a00:1450::1', '2600::'];
const special = [
  ['0.0.0.0', 'this host'],
  ['0.1.2.3', 'this host'],
  ['10.1.2.3', 'private'],
  ['100.64.0.1', "provider's network"],
  ['100.127.255.255', "provider's network"],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.169.254', 'link-local'], // where clouds keep their secrets
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['192.0.2.1', 'documentation'],
  ['198.19.255.255', 'benchmarks'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['255.255.255.255', 'reserved'],
  ['::', 'this host'],
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['fe80::1', 'link-local'],
  ['febf::1', 'link-local'],
  ['fd12:3456::1', 'private'],
  ['ff02::1', 'multicast'],
  ['2001:db8::1', 'documentation'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::ffff:10.0.0.1', 'private'],
  ['::127.0.0.1', 'loopback'],
  ['::ffff:0:169.254.169.254', 'link-local'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['64:ff9b:1::192.168.0.1', 'NAT64'],
  ['2002:7f00:1::', 'loopback'],
  ['2002:c0a8:101::1', 'private'],
] as const;
const noAddresses = ['', 'localhost', '127.1', '0x7f.0.0.1', '010.0.0.1', '2130706433', '1.2.3.4.5', '1.2.3.256'];

test.each(public_)('%s is a place on the Internet', (address) => {
  expect(addressGuard([])(address)).toBeUndefined();
});

test.each(special)('%s is refused: %s', (address, what) => {
  expect(addressGuard([])(address)).toContain(what);
});

test.each(noAddresses)('"%s" is refused: it is no address', (text) => {
  expect(addressGuard([])(text)).toContain('is not an address');
  expect(addressGuard(['0.0.0.0/0', '::/0'])(text)).toContain('is not an address');
});

test('NAT64 of a public address is that address', () => {
  expect(addressGuard([])('64:ff9b::8.8.8.8')).toBeUndefined();
  expect(addressGuard([])('2002:808:808::1')).toBeUndefined();
});

test('the owner allows ranges, in whatever form an address hides in them', () => {
  const guard = addressGuard(['127.0.0.0/8', 'fd00::/8']);
  expect(guard('127.0.0.1')).toBeUndefined();
  expect(guard('::ffff:127.0.0.1')).toBeUndefined();
  expect(guard('fd12::1')).toBeUndefined();
  expect(guard('10.0.0.1')).toContain('private');
  expect(guard('::1')).toContain('loopback');
});

const v6: readonly [string, bigint | undefined][] = [
  ['::', 0n],
  ['::1', 1n],
  ['1::', 1n << 112n],
  ['1:2:3:4:5:6:7:8', 0x0001_0002_0003_0004_0005_0006_0007_0008n],
  ['1:2:3:4:5:6:1.2.3.4', 0x0001_0002_0003_0004_0005_0006_0102_0304n],
  ['::FFFF:1.2.3.4', 0xffff_0102_0304n],
  ['1:2:3:4:5:6:7::', 0x0001_0002_0003_0004_0005_0006_0007_0000n],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4::5:6:7:8', undefined],
  ['1::2::3', undefined],
  [':::', undefined],
  ['1.2.3.4::', undefined],
  ['::12345', undefined],
  ['::g', undefined],
  ['fe80::1%eth0', undefined],
  ['[::1]', undefined],
];
test.each(v6)('IPv6 %s', (text, value) => {
  expect(parseIp(text)?.value).toBe(value);
});

test('ranges', () => {
  const within = (address: string, cidr: string) => isWithin(parseIp(address) ?? expect.fail(), parseRange(cidr));
  expect(within('1.2.3.4', '1.2.3.4/32')).toBe(true);
  expect(within('1.2.3.5', '1.2.3.4/32')).toBe(false);
  expect(within('1.2.3.4', '0.0.0.0/0')).toBe(true);
  expect(within('::1', '0.0.0.0/0')).toBe(false);
  for (const bad of ['1.2.3.4', '1.2.3.4/33', '::/129', '1.2.3/8', '1.2.3.4/8/8', 'x/8', '1.2.3.4/-1']) {
    expect(() => parseRange(bad)).toThrow('not an address range');
  }
});
