import fc from 'fast-check';

/** Networks that nobody may be led to, from the special-purpose registries of IANA and from clouds. */
export const forbiddenIpv4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

export const forbiddenIpv6 = [
  ['::', 3],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
  ['4000::', 2],
  ['5f00::', 16],
  ['8000::', 1],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const;

export const toNumber = (dotted: string): number =>
  dotted.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
export const toDotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');

/** An IPv4 address of one of the networks, as a number. */
export const privateIpv4: fc.Arbitrary<number> = fc
  .constantFrom(...forbiddenIpv4)
  .chain(([network, bits]) =>
    fc.nat({ max: 2 ** (32 - bits) - 1 }).map((host) => toNumber(network) + host),
  );

const inBase = (value: number) =>
  fc.oneof(
    fc.constant(String(value)),
    fc.nat({ max: 3 }).map((zeros) => `0${'0'.repeat(zeros)}${value.toString(8)}`),
    fc.nat({ max: 3 }).map((zeros) => `0x${'0'.repeat(zeros)}${value.toString(16)}`),
    fc.constant(`0X${value.toString(16).toUpperCase()}`),
  );

/** As `inet_aton` and browsers read it: one to four numbers, the last of which fills what is left. */
const withParts = (address: number, parts: number): number[] => {
  const heads = Array.from(
    { length: parts - 1 },
    (_, index) => (address >>> (24 - 8 * index)) & 255,
  );
  return [...heads, address % 2 ** (8 * (5 - parts))];
};

const fullWidth = (text: string): string =>
  text.replaceAll(/[0-9a-fx]/gi, (letter) =>
    String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0),
  );
const circled = (text: string): string =>
  text.replaceAll(/[0-9]/g, (digit) => '⓪①②③④⑤⑥⑦⑧⑨'[Number(digit)] ?? digit);
const mathematical = (text: string): string =>
  text.replaceAll(/[0-9]/g, (digit) => String.fromCodePoint(0x1d7d8 + Number(digit)));
const percent = (text: string): string =>
  text.replaceAll(/[0-9]/g, (digit) => `%${digit.charCodeAt(0).toString(16)}`);

/** An IPv4 address as the host of a URL, in every notation that the URL parser takes. */
export const oddIpv4 = (address: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc
        .integer({ min: 1, max: 4 })
        .chain((parts) => fc.tuple(...withParts(address, parts).map((part) => inBase(part)))),
      fc.constantFrom('.', '。', '．', '｡', '%2e', '%2E', '%E3%80%82'),
      fc.constantFrom(...[(text: string) => text, fullWidth, circled, mathematical, percent]),
      fc.constantFrom('', '.'),
    )
    .map(([parts, dot, disguise, end]) => parts.map(disguise).join(dot) + end);

const words = (address: number): [string, string] => [
  (address >>> 16).toString(16),
  (address & 0xffff).toString(16),
];

/** An IPv4 address inside an IPv6 one, in every form that has been standard. */
export const wrappedIpv4 = (address: number): fc.Arbitrary<string> => {
  const [high, low] = words(address);
  const [notHigh, notLow] = words(~address);
  const dotted = toDotted(address);
  return fc.constantFrom(
    `::ffff:${dotted}`,
    `::ffff:${high}:${low}`,
    `0:0:0:0:0:FFFF:${high}:${low}`,
    `0000:0000:0000:0000:0000:ffff:${dotted}`,
    `::${dotted}`,
    `::${high}:${low}`,
    `::ffff:0:${dotted}`,
    `64:ff9b::${dotted}`,
    `64:ff9b::${high}:${low}`,
    `64:ff9b:1::${high}:${low}`,
    `2002:${high}:${low}::`,
    `2002:${high}:${low}::${high}:${low}`,
    `2001:0:808:808:0:ffff:${notHigh}:${notLow}`,
    `2001::${notHigh}:${notLow}`,
  );
};

const groups = (address: bigint): string[] =>
  Array.from({ length: 8 }, (_, index) =>
    ((address >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );

/** The number of an IPv6 address without a dotted end. */
export function ipv6Number(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce(
    (sum, group) => sum * 65536n + BigInt(`0x${group}`),
    0n,
  );
}

/** An IPv6 address of one of the networks, long or short, in small letters or capitals. */
export const privateIpv6: fc.Arbitrary<string> = fc
  .constantFrom(...forbiddenIpv6)
  .chain(([network, bits]) =>
    fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** BigInt(128 - bits) - 1n }), fc.boolean(), fc.boolean())
      // The mapped form is taken for what it wraps.
      .filter(([host]) => (ipv6Number(network) + host) >> 32n !== 0xffffn)
      .map(([host, long, capitals]) => {
        const all = groups(ipv6Number(network) + host);
        const text = (long ? all.map((group) => group.padStart(4, '0')) : all).join(':');
        return capitals ? text.toUpperCase() : text;
      }),
  );
