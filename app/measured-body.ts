import { createHash } from 'node:crypto';
import { finished, Readable } from 'node:stream';
import type { SourceFile } from '../adapters/provider/provider.ts';
import { ArchiveFailure } from '../core/failure.ts';

/** Bytes that may wait here for the reader; more than a file is recognised by. */
const highWaterMark = 64 * 1024;

/**
 * A provider's body on its way to Storage: counted, limited and hashed; the totals are right once it has
 * been read to its end. It fails with an ArchiveFailure only. It is a stream that passes each
 * chunk on within the call that brought it: async generators in its place cost more than the count and
 * the limit together (`npm run bench:copy`).
 */
export class MeasuredBody extends Readable {
  readonly #source: Readable;
  readonly #limit: number;
  readonly #hash = createHash('sha256');
  bytes = 0;

  constructor({ body, failure }: Pick<SourceFile, 'body' | 'failure'>, limit: number) {
    super({ highWaterMark });
    this.#source = body;
    this.#limit = limit;
    // Whoever reads learns of an error; until somebody does, it must not end the process.
    this.on('error', () => {});
    body.on('data', (chunk: Buffer) => {
      if (!this.#take(chunk)) body.pause();
    });
    finished(body, (error) => {
      if (error) this.destroy(failure(error));
      else this.push(null);
    });
  }

  /**
   * The first `bytes` or somewhat more, or all of a file that has less. They stay in the body. To be
   * asked for before anything has come, which is in the same turn as the constructor.
   */
  head(bytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const done = () => {
        this.#source.off('data', collect);
        resolve(Buffer.concat(chunks));
      };
      const collect = (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= bytes) done();
      };
      this.#source.on('data', collect).once('end', done);
      this.once('error', reject);
    });
  }

  sha256(): string {
    return this.#hash.digest('hex');
  }

  override _read(): void {
    this.#source.resume();
  }

  /** False: no more for now. */
  #take(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    if (this.bytes > this.#limit) {
      this.destroy(new ArchiveFailure('too_large', `The file has more than ${this.#limit} bytes`));
      return false;
    }
    this.#hash.update(chunk);
    return this.push(chunk);
  }
}
