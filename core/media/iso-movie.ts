export interface Track {
  handler: string;
  /** Of its first sample entry. */
  format: string;
  timescale: number;
  samples: number;
  sampleBytes: number;
  id: number;
  /** Of its fragments, in its own timescale. */
  fragmentTime: number;
  defaultTime: number;
}

export interface Movie {
  tracks: Track[];
  timescale: number;
  duration: number;
  /** From mehd: of all fragments that will be. */
  fragmentDuration: number;
  fragments: number;
  /** The track that the present traf is about, and its default duration. */
  current: Track | undefined;
  currentTime: number;
  /** Bytes of the file by its segment index. */
  indexedUntil: number;
  hasRandomAccess: boolean;
  hasSize: boolean;
  /** A table names more entries than it has room for. */
  isDamaged: boolean;
}

export const newTrack = (): Track => ({
  handler: '',
  format: '',
  timescale: 0,
  samples: 0,
  sampleBytes: 0,
  id: 0,
  fragmentTime: 0,
  defaultTime: 0,
});
