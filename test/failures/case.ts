import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AssetKind } from '../../core/assets.ts';
import type { Behaviour } from '../../local/provider/behaviour.ts';
import type { Track } from '../lambdas/tracks.ts';
import type { Cleanup } from '../support/cleanup.ts';
import type { Ground } from './ground.ts';
import type { TroubleHost } from './trouble.ts';

/** A request to Storage for a file of the case's track. */
export interface StorageExchange {
  request: IncomingMessage;
  response: ServerResponse;
  isUpload: boolean;
  /** Of this track's uploads or of its other requests, from 1. */
  count: number;
  ground: Ground;
  track: Track;
}

/** Responds itself and returns true, or returns false and lets the request pass on to Storage. */
export type StorageFault = (exchange: StorageExchange) => boolean | Promise<boolean>;

/** A track that is delivered once, together with those of the other cases. */
export interface DeliveredCase {
  /** Completes the sentence "… where …". */
  what: string;
  /** The audio's address; by default it is at the provider. Null: it has none. */
  url?: string | null;
  /** The audio's bytes; by default a song's. */
  file?: Buffer<ArrayBuffer>;
  /** How the provider serves the audio. */
  audio?: Behaviour;
  /** Further addresses, beside the audio's `…/audio`; requests to them are counted where they begin with `audio`. */
  beside?: Record<string, Behaviour>;
  /** The track has a cover, too, and this is how the provider serves it. */
  cover?: Behaviour;
  video?: Behaviour;
  storage?: StorageFault;
  /** Requests that the provider sees for the audio; by default three for what is retried, one for all else. */
  requests?: number;
  /** Said so clearly that it is not asked again, although its code is. */
  final?: true;
  /** TCP connections that a host of trouble sees. */
  connections?: [host: TroubleHost, count: number];
  /** Seconds until the message is delivered again; by default a minute. */
  delay?: number;
  /** Seconds by which the delay may be shorter; by default one. */
  slack?: number;
  /** It takes its time: those that do go first, so that they wait together. */
  waits?: true;
  /** How often its message had been received before. */
  received?: number;
  /** Dead letters; by default one. */
  letters?: number;
  /** What Storage holds afterwards; by default nothing. */
  stored?: AssetKind[];
  /** What the track shows as stored; by default what Storage holds. */
  shows?: AssetKind[];
  /** What Storage holds is not what the provider served, but this. */
  holds?: Partial<Record<AssetKind, Buffer>>;
}

/** A case that needs the ground for itself, or one of its own. Asserts that the code comes about. */
export interface PlayedCase {
  what: string;
  play(t: Cleanup): Promise<void>;
}

export type Case = DeliveredCase | PlayedCase;
/** At least one. */
export type Cases = readonly [Case, ...Case[]];
