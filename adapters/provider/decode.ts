import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { ArchiveFailure } from '../../core/failure.ts';
import type { Headers } from './response.ts';
import { isFramed, Unframe } from './unframe.ts';

type Decoder = () => Transform;

/** Codings that are decoded one after the other; whoever lists more wants to keep us busy. */
const maxCodings = 4;
/** Enough to tell a body that is coded from one that only says so. */
const peekedBytes = 1024;

const known = ['aws-chunked', 'gzip', 'x-gzip', 'deflate', 'br', 'zstd'];

/**
 * The codings of a body in the order of their application (RFC 9110, 8.4). We ask for `identity`. What is no coding, such as
 * `utf-8` or `none`, is a note that some storage kept of an upload, and says nothing of the body. So is `aws-chunked`, mostly;
 * where it is true it is outermost, wherever it is listed.
 */
export function listedCodings(headers: Headers): string[] {
  const codings = [headers['content-encoding'] ?? '']
    .flat()
    .flatMap((value) => value.split(','))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => known.includes(coding))
    .sort((one, other) => Number(one === 'aws-chunked') - Number(other === 'aws-chunked'));
  if (codings.length > maxCodings) {
    throw new ArchiveFailure('content_encoding', `The body is encoded ${codings.length} times`);
  }
  return codings;
}

/**
 * `body` decoded, as its first bytes say: a body that is not coded as listed is taken as it is. Waits for those bytes; an
 * error of either stream ends both.
 */
export async function decoded(
  body: Readable,
  codings: string[],
): Promise<{ body: Readable; isCoded: boolean }> {
  let stream = body;
  let isCoded = false;
  for (const coding of codings.toReversed()) {
    const { head, whole } = await peek(stream, peekedBytes);
    const decoder = decoderOf(coding, head.subarray(0, peekedBytes));
    isCoded ||= decoder !== undefined;
    stream = decoder === undefined ? whole : through(whole, decoder());
  }
  return { body: stream, isCoded };
}

function through(body: Readable, decoder: Transform): Readable {
  body.on('error', (error) => decoder.destroy(error));
  decoder.on('close', () => body.destroy());
  return body.pipe(decoder);
}

/** The first bytes of a stream, or all of one that has less, and the stream that still has them. */
function peek(stream: Readable, bytes: number): Promise<{ head: Buffer; whole: Readable }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = () => stream.off('readable', look).off('end', finish).off('error', fail);
    const fail = (error: unknown) => {
      stop();
      reject(error);
    };
    const finish = () => {
      stop();
      const head = Buffer.concat(chunks);
      resolve({ head, whole: Readable.from(length === 0 ? [] : [head], { objectMode: false }) });
    };
    const look = () => {
      for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
        chunks.push(chunk);
        length += chunk.length;
      }
      if (length < bytes) return;
      stop();
      const head = Buffer.concat(chunks);
      stream.unshift(head);
      resolve({ head, whole: stream });
    };
    stream.on('readable', look).once('end', finish).once('error', fail);
  });
}

function decoderOf(coding: string, head: Buffer): Decoder | undefined {
  if (isPlainMedia(head)) return undefined;
  if (coding === 'aws-chunked') return isFramed(head) ? () => new Unframe() : undefined;
  if (startsWith(head, 0x1f, 0x8b, 0x08)) return zlib.createGunzip;
  if (startsWith(head, 0x28, 0xb5, 0x2f, 0xfd)) return zlib.createZstdDecompress;
  if (coding === 'br' && isBrotli(head)) return zlib.createBrotliDecompress;
  if (coding !== 'deflate') return undefined;
  if (isZlib(head)) return zlib.createInflate;
  return isDeflate(head) ? zlib.createInflateRaw : undefined;
}

const startsWith = (head: Buffer, ...bytes: number[]) =>
  bytes.every((byte, at) => head[at] === byte);

/** Signatures of media. Brotli and raw deflate have none of their own, and could begin so by chance. */
const signatures = [
  'ID3',
  'RIFF',
  'RF64',
  'fLaC',
  'OggS',
  '\x89PNG',
  'GIF8',
  '\xff\xd8\xff',
  '\x1aE\xdf\xa3',
];
const boxes = ['ftyp', 'styp', 'moov', 'mdat'];

function isPlainMedia(head: Buffer): boolean {
  const text = head.toString('latin1', 0, 12);
  return signatures.some((each) => text.startsWith(each)) || boxes.includes(text.slice(4, 8));
}

const isZlib = (head: Buffer): boolean =>
  head.length > 1 && ((head[0] ?? 0) & 0x0f) === 8 && head.readUInt16BE(0) % 31 === 0;

const isDeflate = (head: Buffer): boolean =>
  isDecoded(() => zlib.inflateRawSync(head, { finishFlush: zlib.constants.Z_SYNC_FLUSH }));
const isBrotli = (head: Buffer): boolean =>
  isDecoded(() =>
    zlib.brotliDecompressSync(head, { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }),
  );

function isDecoded(decode: () => Buffer): boolean {
  try {
    decode();
    return true;
  } catch {
    return false;
  }
}
