import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ArchiveFailure } from '../../core/failure.ts';
import { type Headers, header } from './response.ts';

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * We ask for `identity`; where a provider compresses all the same, the body is decoded.
 * Throws `content_encoding` for an encoding that we cannot decode.
 */
export function decoderFor(headers: Headers): (() => Transform) | undefined {
  const encoding = (header(headers, 'content-encoding') ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return undefined;
  const decoder = decoders[encoding];
  if (decoder === undefined) {
    throw new ArchiveFailure('content_encoding', `The body is encoded as ${encoding}`);
  }
  return decoder;
}

/** `body` decoded; an error of either stream ends both. */
export function decoded(body: Readable, decoder: () => Transform): Readable {
  const stream = decoder();
  body.on('error', (error) => stream.destroy(error));
  stream.on('close', () => body.destroy());
  return body.pipe(stream);
}
