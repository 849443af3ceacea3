import type { TrackState } from './observe.ts';

/** A row of the table. */
export interface Row {
  track: TrackState;
  about: string;
}

/** Where a track stands, in a few words. */
export function describeState(track: TrackState): string {
  switch (track.state) {
    case 'archived':
      return `archived, ${kilobytes(track.bytes)}`;
    case 'failed':
      return `failed: ${track.errorCode}`;
    case 'scheduled':
      return `scheduled for ${track.dueAt?.toISOString().slice(0, 10)}`;
    case 'copying':
      return track.bytes > 0 ? `copying, ${kilobytes(track.bytes)} so far` : 'copying';
    default:
      return track.state;
  }
}

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`;
