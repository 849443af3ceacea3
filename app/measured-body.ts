import { createHash } from 'node:crypto';
import { finished, Readable } from 'node:stream';
import type { SourceFile } from '../adapters/provider/provider.ts';
import type { AssetKind } from '../core/assets.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { type MediaType, Recogniser, type Verdict } from '../core/media/recogniser.ts';

/** Bytes that may wait here for the reader. */
const highWaterMark = 64 * 1024;
/** Bytes that are awaited before a file that begins with tags alone is taken for what such files usually are. */
const recognisedBy = 512 * 1024;
const usually: Partial<Record<AssetKind, MediaType>> = {
  audio: { mime: 'audio/mpeg', extension: 'mp3' },
};

/** What has been read: throws an ArchiveFailure where it may not be published. */
export type Check = (verdict: Verdict, sha256: string) => void | Promise<void>;

/**
 * A provider's body on its way to Storage: counted, limited, hashed and recognised. Its last chunk leaves only
 * after the source has ended and `check` has agreed, so that an upload of what fails is never complete. It fails
 * with an ArchiveFailure only. It is a stream that passes each chunk on within the call that
 * brought it: async generators in its place cost more than the count and the limit together (`npm run bench:copy`).
 */
export class MeasuredBody extends Readable {
  readonly #source: Readable;
  readonly #limit: number;
  readonly #check: Check;
  readonly #hash = createHash('sha256');
  readonly #recogniser: Recogniser;
  readonly #kind: AssetKind;
  #last: Buffer | undefined;
  #begun: (() => void) | undefined;
  bytes = 0;

  constructor(
    { body, failure }: Pick<SourceFile, 'body' | 'failure'>,
    { kind, limit, check }: { kind: AssetKind; limit: number; check: Check },
  ) {
    super({ highWaterMark });
    this.#source = body;
    this.#kind = kind;
    this.#limit = limit;
    this.#check = check;
    this.#recogniser = new Recogniser(kind);
    // Whoever reads learns of an error; until somebody does, it must not end the process.
    this.on('error', () => {});
    body.on('data', (chunk: Buffer) => {
      if (!this.#take(chunk)) body.pause();
    });
    finished(body, (error) => {
      if (error) this.destroy(failure(error));
      else this.#end().catch((reason) => this.destroy(reason));
    });
  }

  /** What the file is by its beginning; the beginning stays in the body. Throws where it is nothing that we take. */
  type(): Promise<MediaType> {
    return new Promise((resolve, reject) => {
      this.once('error', reject);
      const look = () => {
        const type = this.#recogniser.type ?? (this.bytes >= recognisedBy && usually[this.#kind]);
        if (!type) return;
        this.#begun = undefined;
        resolve(type);
      };
      this.#begun = look;
      look();
    });
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
    this.#recogniser.push(chunk);
    const { refusal } = this.#recogniser;
    if (refusal !== undefined) {
      this.destroy(refusal);
      return false;
    }
    const former = this.#last;
    this.#last = chunk;
    const isWanted = former === undefined || this.push(former);
    this.#begun?.();
    return isWanted || this.#begun !== undefined;
  }

  async #end(): Promise<void> {
    await this.#check(this.#recogniser.end(), this.#hash.digest('hex'));
    this.#begun?.();
    if (this.#begun !== undefined) throw new ArchiveFailure('media_unrecognised', 'No media file');
    if (this.#last !== undefined) this.push(this.#last);
    this.push(null);
  }
}
