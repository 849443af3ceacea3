import { randomUUID } from 'node:crypto';
import type { Ground } from './ground.ts';

/** Copies every file of tracks with these ids from the provider to Storage. */
export type CopyTracks = (trackIds: string[]) => Promise<void>;

/** What the parent asks of a lane's process. */
export interface Order {
  ground: Ground;
  /** Tracks that are handed over at once. */
  tracks: number;
}

/** How an order was carried out. */
export interface Measured {
  seconds: number;
  /** Of this process, user and system. */
  cpuSeconds: number;
  /** Most bytes that this process has ever had resident, by the kernel's count. */
  peakBytes: number;
}

/** Serves the parent's orders until it goes; `start` is called once for each ground. */
export function serveLane(start: (ground: Ground) => CopyTracks): void {
  const copiers = new Map<number, CopyTracks>();
  process.on('message', async ({ ground, tracks }: Order) => {
    const copy = copiers.get(ground.providerPort) ?? start(ground);
    copiers.set(ground.providerPort, copy);
    const ids = Array.from({ length: tracks }, () => randomUUID());
    const began = performance.now();
    const cpu = process.cpuUsage();
    await copy(ids);
    const { user, system } = process.cpuUsage(cpu);
    const measured: Measured = {
      seconds: (performance.now() - began) / 1000,
      cpuSeconds: (user + system) / 1e6,
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
    process.send?.(measured);
  });
  process.on('disconnect', () => process.exit());
}
