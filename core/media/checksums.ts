/** Tables for checksums whose highest bit comes first, as FLAC and Ogg have them. */
function table(bits: number, polynomial: number): Uint32Array {
  const high = 2 ** (bits - 1);
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte * 2 ** (bits - 8);
    for (let i = 0; i < 8; i++) {
      const carry = value >= high;
      value = (value * 2) % 2 ** bits;
      if (carry) value = (value ^ polynomial) >>> 0;
    }
    return value;
  });
}

const crc8Table = table(8, 0x07);
const crc16Table = table(16, 0x8005);
const crc32Table = table(32, 0x04c11db7);

/** RFC 9639, 9.1.8: of a FLAC frame's header. */
export function crc8(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = crc8Table[value ^ (bytes[at] ?? 0)] ?? 0;
  return value;
}

/** RFC 9639, 9.3: of a FLAC frame. */
export function crc16(bytes: Uint8Array, from: number, to: number, start = 0): number {
  let value = start;
  for (let at = from; at < to; at++) {
    value = ((value << 8) & 0xffff) ^ (crc16Table[(value >>> 8) ^ (bytes[at] ?? 0)] ?? 0);
  }
  return value;
}

/** RFC 3533, 6: of an Ogg page, with its own checksum as zeros. */
export function oggChecksum(page: Uint8Array): number {
  let value = 0;
  for (let at = 0; at < page.length; at++) {
    const byte = at >= 22 && at < 26 ? 0 : (page[at] ?? 0);
    value = (value << 8) ^ (crc32Table[(value >>> 24) ^ byte] ?? 0);
  }
  return value >>> 0;
}
