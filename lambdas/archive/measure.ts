import { createHash } from 'node:crypto';
import { ArchiveFailure } from '../../core/failure.ts';

/** Counts, limits and hashes a body on its way through; the totals are right once it has been read to its end. */
export class Measure {
  readonly #hash = createHash('sha256');
  readonly #limit: number;
  bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  sha256(): string {
    return this.#hash.digest('hex');
  }

  async *through(
    head: readonly Buffer[],
    rest: AsyncIterable<Buffer>,
  ): AsyncGenerator<Buffer, void, undefined> {
    for (const chunk of head) yield this.#take(chunk);
    for await (const chunk of rest) yield this.#take(chunk);
  }

  #take(chunk: Buffer): Buffer {
    this.bytes += chunk.length;
    if (this.bytes > this.#limit) {
      throw new ArchiveFailure('too_large', `The file has more than ${this.#limit} bytes`);
    }
    this.#hash.update(chunk);
    return chunk;
  }
}
