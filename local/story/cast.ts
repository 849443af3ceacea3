import type { AssetKind } from '../../core/assets.ts';
import type { FailureCode } from '../../core/failure.ts';
import type { Behaviour } from '../provider/behaviour.ts';
import type { MediaFile } from '../provider/media.ts';
import type { demoHosts } from '../provider/server.ts';

export interface CastFile {
  file: MediaFile;
  behaviour?: Behaviour;
}

/** A track of the story: who made it, what its provider does, and how its story should end. */
export interface CastTrack extends Partial<Record<AssetKind, CastFile>> {
  title: string;
  provider: keyof typeof demoHosts;
  /** What is special about it, for the table. */
  about: string;
  audio: CastFile;
  /** The day on which the provider finishes it; day 0 where absent. */
  completedOn?: number;
  /** Nobody hears of it: pg_net does not repeat a webhook that was lost. */
  webhookLost?: true;
  /** The day on which its user deletes it. */
  deletedOn?: number;
  ends: 'archived' | 'deleted' | FailureCode;
}

const jpg: CastFile = { file: 'cover.jpg' };
const mp4: CastFile = { file: 'video.mp4' };

export const cast: CastTrack[] = [
  {
    title: 'Northern Lights',
    provider: 'suno',
    about: 'audio, cover and video',
    audio: { file: 'song.mp3' },
    cover: jpg,
    video: mp4,
    ends: 'archived',
  },
  {
    title: 'Полярная ночь',
    provider: 'suno',
    about: 'flaky: its provider answers 503 twice',
    audio: { file: 'song.mp3', behaviour: { kind: 'flaky', failures: 2, by: 503 } },
    cover: jpg,
    ends: 'archived',
  },
  {
    title: 'Slow River',
    provider: 'mureka',
    about: 'slow: 16 kB a second',
    audio: { file: 'song.mp3', behaviour: { kind: 'slow', bytesPerSecond: 16_000 } },
    cover: jpg,
    ends: 'archived',
  },
  {
    title: 'Bare Melody',
    provider: 'suno',
    about: 'no cover and no video',
    audio: { file: 'song.mp3' },
    ends: 'archived',
  },
  {
    title: 'Tape Room',
    provider: 'mureka',
    about: 'a wav file',
    audio: { file: 'song.wav' },
    cover: jpg,
    ends: 'archived',
  },
  {
    title: 'Second Thoughts',
    provider: 'mureka',
    about: 'deleted by its user on day 5',
    audio: { file: 'song.mp3' },
    cover: jpg,
    deletedOn: 5,
    ends: 'deleted',
  },
  {
    title: 'Lost Letter',
    provider: 'suno',
    about: 'its provider has lost the audio (441)',
    audio: { file: 'song.mp3', behaviour: { kind: 'status', status: 441 } },
    cover: jpg,
    ends: 'provider_gone',
  },
  {
    title: 'Empty Promise',
    provider: 'suno',
    about: 'answers 200 with no audio until the end',
    audio: { file: 'song.mp3', behaviour: { kind: 'html' } },
    ends: 'expired',
  },
  {
    title: 'One Hour',
    provider: 'replicate',
    about: 'kept for one hour only: archived at once',
    audio: { file: 'song.mp3' },
    cover: { file: 'cover.png' },
    ends: 'archived',
  },
  {
    title: 'Minute Waltz',
    provider: 'replicate',
    about: 'm4a; the first connection breaks',
    audio: { file: 'song.m4a', behaviour: { kind: 'flaky', failures: 1, by: 'reset' } },
    video: mp4,
    ends: 'archived',
  },
  {
    title: 'Late Bloomer',
    provider: 'mureka',
    about: 'completed on day 2; sent without a length',
    audio: { file: 'song.mp3', behaviour: { kind: 'chunked' } },
    cover: jpg,
    completedOn: 2,
    ends: 'archived',
  },
  {
    title: 'Lost in the Post',
    provider: 'suno',
    about: 'its webhook was lost: the sweep finds it',
    audio: { file: 'song.mp3' },
    cover: jpg,
    webhookLost: true,
    ends: 'archived',
  },
  {
    title: 'Faded Cover',
    provider: 'mureka',
    about: 'its cover is gone (404): the audio is what counts',
    audio: { file: 'song.mp3' },
    cover: { file: 'cover.jpg', behaviour: { kind: 'status', status: 404 } },
    ends: 'archived',
  },
];
