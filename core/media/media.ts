/** What a file is by its structure, whatever slot it is meant for. */
export type Container =
  | 'mp3'
  | 'aac'
  | 'wav'
  | 'flac'
  | 'ogg'
  | 'iso'
  | 'webm'
  | 'jpeg'
  | 'png'
  | 'apng'
  | 'gif'
  | 'webp'
  | 'avif';

/** What a parser found once it has seen the whole file. */
export interface Media {
  container: Container;
  /** By the format's own word; undefined: the format does not say. */
  whole: boolean | undefined;
  /** What is missing, or what it says of its end. */
  note?: string | undefined;
  sound?: boolean;
  picture?: boolean;
  /** Only with a key: DRM. */
  encrypted?: boolean;
  durationSeconds?: number | undefined;
}

/** A file that is none of ours, and why, for an operator. */
export interface NoMedia {
  container: undefined;
  reason: string;
  /** What it would have been, had it not ended too early. */
  cut?: Container;
}

export type Found = Media | NoMedia;

export const noMedia = (reason: string): NoMedia => ({ container: undefined, reason });
/** A file that begins rightly and ends before there is anything to play or to see. */
export const cutShort = (cut: Container, reason: string): NoMedia => ({
  container: undefined,
  reason,
  cut,
});
