import { crc32 } from 'node:zlib';

/** An ID3 tag of so many bytes. */
export function id3(bytes: number): Buffer {
  const tag = Buffer.alloc(10 + bytes, 'A');
  tag.write('ID3\x04\0\0', 0, 'latin1');
  for (let at = 0; at < 4; at++) tag[6 + at] = (bytes >> (7 * (3 - at))) & 0x7f;
  return tag;
}

const u32le = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const chunk = (id: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(id), u32le(body.length), body, Buffer.alloc(body.length % 2)]);

/** A WAV of these chunks; RIFF says how long it is. */
export function riff(...chunks: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  return Buffer.concat([Buffer.from('RIFF'), u32le(body.length), body]);
}

/** 44100 Hz, two channels of 16 bits. */
export const format = chunk('fmt ', Buffer.from('0100020044ac000010b1020004001000', 'hex'));

export function pngChunk(type: string, body: Buffer, isDamaged = false): Buffer {
  const chunk = Buffer.alloc(12 + body.length);
  chunk.writeUInt32BE(body.length);
  chunk.write(type, 4, 'latin1');
  body.copy(chunk, 8);
  const sum = crc32(chunk.subarray(4, 8 + body.length));
  chunk.writeUInt32BE((isDamaged ? sum ^ 1 : sum) >>> 0, 8 + body.length);
  return chunk;
}
