import type { AssetKind } from '../assets.ts';
import { ArchiveFailure, type FailureCode } from '../failure.ts';
import { Feed, type Parser } from './feed.ts';
import type { Container, Found } from './media.ts';
import { parse } from './parse.ts';

export interface MediaType {
  /** Content type given to Storage; one that the bucket allows. */
  mime: string;
  /** Extension of the stored object, without a dot. */
  extension: string;
}

const type = (mime: string, extension: string): MediaType => ({ mime, extension });

const accepted: Record<AssetKind, Partial<Record<Container, MediaType>>> = {
  audio: {
    mp3: type('audio/mpeg', 'mp3'),
    wav: type('audio/wav', 'wav'),
    flac: type('audio/flac', 'flac'),
    ogg: type('audio/ogg', 'ogg'),
    aac: type('audio/aac', 'aac'),
    iso: type('audio/mp4', 'm4a'),
    webm: type('audio/webm', 'webm'),
  },
  cover: {
    jpeg: type('image/jpeg', 'jpg'),
    png: type('image/png', 'png'),
    apng: type('image/apng', 'apng'),
    webp: type('image/webp', 'webp'),
    gif: type('image/gif', 'gif'),
    avif: type('image/avif', 'avif'),
  },
  video: {
    iso: type('video/mp4', 'mp4'),
    webm: type('video/webm', 'webm'),
  },
};

/** Every content type that a kind may be stored as; the buckets' `allowed_mime_types` are held to it by a test. */
export const storedMimes = (kind: AssetKind): string[] =>
  Object.values(accepted[kind]).map(({ mime }) => mime);

export interface Verdict {
  outcome: 'accepted' | 'refused';
  /** Undefined: none that the slot takes. */
  type: MediaType | undefined;
  /** By the format's own word; undefined: it does not say. */
  whole: boolean | undefined;
  durationSeconds: number | undefined;
  code: FailureCode | undefined;
  reason: string | undefined;
}

/**
 * Recognises a file while its bytes flow by; provider content types and names prove nothing and are ignored.
 * Keeps no more of it than what describes it.
 */
export class Recogniser {
  readonly #kind: AssetKind;
  readonly #feed = new Feed();
  readonly #parser: Parser<Found>;
  #found: Found | undefined;
  #bytes = 0;
  /** What the file is by its beginning. */
  container: Container | undefined;

  constructor(kind: AssetKind) {
    this.#kind = kind;
    this.#parser = parse(this.#feed, (container) => {
      this.container = container;
    });
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#found !== undefined) return;
    this.#feed.push(chunk);
    this.#step();
  }

  /** What the file will be stored as if it goes on as it began. */
  get type(): MediaType | undefined {
    return this.container && accepted[this.#kind][this.container];
  }

  /** Why the rest of the file need not be read. */
  get refusal(): ArchiveFailure | undefined {
    if (this.container !== undefined && this.type === undefined)
      return failureOf(this.#verdict({ container: this.container, whole: undefined }));
    return this.#found?.container === undefined && this.#found !== undefined
      ? failureOf(this.#verdict(this.#found))
      : undefined;
  }

  end(): Verdict {
    this.#feed.ended = true;
    if (this.#found === undefined) this.#step();
    return this.#verdict(this.#found ?? { container: undefined, reason: 'No media file' });
  }

  #step(): void {
    const { done, value } = this.#parser.next();
    if (done) this.#found = value;
  }

  #verdict(found: Found): Verdict {
    const kind = this.#kind;
    const refused = (code: FailureCode, reason: string, more: Partial<Verdict> = {}): Verdict => ({
      outcome: 'refused',
      type: undefined,
      whole: undefined,
      durationSeconds: undefined,
      ...more,
      code,
      reason,
    });
    if (this.#bytes === 0) return refused('provider_empty', 'The provider sent no bytes');
    if (found.container === undefined) {
      return found.cut === undefined
        ? refused('media_unrecognised', `The ${kind} is no media file: ${found.reason}`)
        : refused('provider_truncated', `The ${kind} is not whole: ${found.reason}`, {
            type: accepted[kind][found.cut],
            whole: false,
          });
    }
    const { container, whole, durationSeconds } = found;
    const stored = accepted[kind][container];
    if (stored === undefined) return refused('media_wrong_kind', `The ${kind} is ${container}`);
    const more = { type: stored, whole, durationSeconds };
    if (kind !== 'cover') {
      if (found.encrypted) {
        return refused('media_unrecognised', `The ${kind} can be played with a key only`, more);
      }
      if (kind === 'audio' && !found.sound) {
        return refused('media_wrong_kind', 'The audio has no track of sound', {
          ...more,
          type: undefined,
        });
      }
      if (kind === 'video' && !found.picture) {
        return refused('media_wrong_kind', 'The video has no track of pictures', {
          ...more,
          type: undefined,
        });
      }
    }
    if (whole === false) {
      return refused('provider_truncated', `The ${kind} is not whole: ${found.note}`, more);
    }
    return { outcome: 'accepted', ...more, code: undefined, reason: undefined };
  }
}

export const failureOf = ({ code, reason }: Verdict): ArchiveFailure =>
  new ArchiveFailure(code ?? 'internal', reason ?? '');
