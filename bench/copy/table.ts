import type { LinkName } from './ground.ts';
import { type LaneName, laneNames } from './processes.ts';
import type { LaneResult, Results, Target } from './results.ts';

const linkTitles: Record<LinkName, string> = {
  free: 'Free link',
  slow: '40 ms, 20 MB/s a connection',
};
const laneTitles: Record<LaneName, string> = {
  legacy: 'the legacy way',
  ours: 'ours',
  nodePipe: 'Node pipe, no hash',
  undiciPipe: 'undici pipe, sha256',
};

const row = (title: string, cells: readonly string[]): string =>
  [title.padEnd(30), ...cells.map((cell) => cell.padStart(10))].join('');

const laneRow = (name: LaneName, result: LaneResult): string =>
  row(`  ${laneTitles[name]}`, [
    result.megabytesPerSecond.toFixed(0),
    result.tracksPerSecond.toFixed(2),
    result.cpuSecondsPerGigabyte.toFixed(2),
    result.peakMegabytes.toFixed(0),
  ]);

function targetRow({ name, measured, atLeast, atMost, reached }: Target): string {
  const limit = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
  const digits = measured < 10 ? 3 : measured < 100 ? 1 : 0;
  return `  ${name.padEnd(46)}${measured.toFixed(digits).padStart(7)}  (${limit})${reached ? '' : '  MISSED'}`;
}

/** The results for a reader, in lines of at most 80 columns. */
export function table({ lanes, largeFile, recognition, targets }: Results): string {
  const links = Object.entries(lanes) as [LinkName, Record<LaneName, LaneResult>][];
  return [
    ...links.flatMap(([link, of]) => [
      row(linkTitles[link], ['MB/s', 'tracks/s', 'CPU s/GB', 'peak MB']),
      ...laneNames.map((name) => laneRow(name, of[name])),
      '',
    ]),
    `Ours with a file of 500 MB: ${largeFile.cpuSecondsPerGigabyte.toFixed(2)} CPU s/GB, peak ${largeFile.peakMegabytes.toFixed(0)} MB`,
    `Recognition: ${recognition.cpuSecondsPerGigabyte.toFixed(2)} CPU s/GB`,
    '',
    ...targets.map(targetRow),
  ].join('\n');
}
