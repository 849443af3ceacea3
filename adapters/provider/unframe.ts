import { Transform, type TransformCallback } from 'node:stream';

const maxLine = 4096;
const line = /^([0-9a-f]{1,8})(;chunk-signature=[0-9a-f]{64})?\r\n/i;

/** Whether a body begins with the first chunk's line of S3's `aws-chunked`. */
export const isFramed = (head: Buffer): boolean => line.test(head.toString('latin1', 0, 128));

/**
 * Undoes S3's `aws-chunked`, which some storages keep of an upload in the body itself: before each chunk a line with its
 * length and maybe a signature; after one of no length come trailers. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
export class Unframe extends Transform {
  #waiting = Buffer.alloc(0);
  /** Bytes of the chunk that are still to come, its line end included; undefined: behind the last one. */
  #left: number | undefined = 0;

  override _transform(bytes: Buffer, _: BufferEncoding, done: TransformCallback): void {
    let rest = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    while (this.#left !== undefined && rest.length > 0) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, rest.length);
        const data = rest.subarray(0, Math.max(0, Math.min(taken, this.#left - 2)));
        if (data.length > 0) this.push(data);
        this.#left -= taken;
        rest = rest.subarray(taken);
        continue;
      }
      const end = rest.indexOf('\n');
      if (end === -1 && rest.length < maxLine) break;
      const [, size = ''] = line.exec(rest.toString('latin1', 0, end + 1)) ?? [];
      if (size === '') {
        done(broken('ERR_AWS_CHUNKED', 'A chunk without a length'));
        return;
      }
      const length = Number.parseInt(size, 16);
      this.#left = length === 0 ? undefined : length + 2;
      rest = rest.subarray(end + 1);
    }
    this.#waiting = this.#left === undefined ? Buffer.alloc(0) : Buffer.from(rest);
    done();
  }

  override _flush(done: TransformCallback): void {
    // As zlib says of a body that ends too early.
    done(this.#left === undefined ? null : broken('Z_BUF_ERROR', 'It ends before its last chunk'));
  }
}

const broken = (code: string, message: string) => Object.assign(new Error(message), { code });
