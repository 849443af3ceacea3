import { assetKinds } from '../../core/assets.ts';
import { Recogniser } from '../../core/media/recogniser.ts';
import { contentsOf, nextPart } from './contents.ts';
import { bytesOf, megabyte, type TrackFiles } from './ground.ts';

const rounds = 12;
/** As the network brings them. */
const chunkBytes = 16 * 1024;

/** CPU seconds that looking at a gigabyte of a track's files takes: of some rounds, the fastest. */
export function recognitionCost(files: TrackFiles): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const started = process.cpuUsage();
    lookAt(files);
    const { user, system } = process.cpuUsage(started);
    least = Math.min(least, user + system);
  }
  return (least / 1e6 / bytesOf(files)) * megabyte * 1024;
}

function lookAt(files: TrackFiles): void {
  const contents = contentsOf(files);
  for (const kind of assetKinds) {
    const bytes = files[kind] ?? 0;
    if (bytes === 0) continue;
    const recogniser = new Recogniser(kind);
    for (let sent = 0; sent < bytes; ) {
      const part = nextPart(contents[kind], sent, Math.min(chunkBytes, bytes - sent));
      recogniser.push(part);
      sent += part.length;
    }
    const { outcome, reason } = recogniser.end();
    if (outcome !== 'accepted') throw new Error(`The bench's ${kind} is refused: ${reason}`);
  }
}
