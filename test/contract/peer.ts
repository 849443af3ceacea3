import type { Server } from '../support/server.ts';
import type { Difference } from './compare.ts';

/** An emulator of AWS that is held to the same contract tests as our own endpoint. */
export interface Peer {
  install: string;
  /** Milliseconds in which a schedule that it fires at all arrives. */
  schedulePatience: number;
  /** Undefined where it is not installed. Its files and its log go into the directory. */
  start(directory: string): Promise<Server | undefined>;
  /** Where the version that is installed differs from AWS's documents. */
  differences: readonly Difference[];
}
