import { createHash } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export interface DataDirectory {
  path: string;
  /** Made for this server alone: removed when it stops. */
  temporary: boolean;
  /** Whom the server runs as; undefined: ourselves. */
  user?: { uid: number; gid: number };
}

const nobody = process.platform === 'darwin' ? 4294967294 : 65534;
const isRoot = (): boolean => process.getuid?.() === 0;

const stat = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

export function isReachableByAll(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && (found.mode & 0o001) === 0) return false;
  const parent = dirname(path);
  return parent === path || isReachableByAll(parent);
}

/** The temporary folder, or `/tmp` where root has one of its own that no other user can enter. */
export function reachableTemporaryDirectory(): string {
  const usual = tmpdir();
  return isRoot() && !isReachableByAll(usual) ? '/tmp' : usual;
}

/** Linux's file system in memory, and the bytes that it must have left: the tests take a third of them. */
const memory = { path: '/dev/shm', type: 0x01021994, space: 2 * 1024 ** 3 };

/**
 * In memory where there is space: a test's own database is a copy of 300 files, for which ext4 takes five times as
 * long where many files were removed lately. Containers give too little by default.
 */
function directoryForTemporaryData(): string {
  if (!existsSync(memory.path)) return reachableTemporaryDirectory();
  const { type, bavail, bsize } = statfsSync(memory.path);
  const hasSpace = type === memory.type && bavail * bsize >= memory.space;
  return hasSpace ? memory.path : reachableTemporaryDirectory();
}

/**
 * The given folder, or a temporary one. Where we are root the server runs as the folder's present owner
 * or as `nobody`; a folder that `nobody` cannot reach is replaced by one that is named after it.
 */
export function prepareDataDirectory(wanted?: string): DataDirectory {
  if (wanted === undefined) {
    const path = mkdtempSync(join(directoryForTemporaryData(), 'track-archiver-data-'));
    return withOwner({ path, temporary: true });
  }
  let path = resolve(wanted);
  const owner = stat(path)?.uid;
  const runsAsOwner = owner !== undefined && owner !== 0 && owner !== nobody;
  if (isRoot() && !runsAsOwner && !isReachableByAll(dirname(path))) {
    const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
    path = join(reachableTemporaryDirectory(), `track-archiver-data-${name}`);
  }
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return withOwner({ path, temporary: false });
}

function withOwner(directory: { path: string; temporary: boolean }): DataDirectory {
  const found = stat(directory.path);
  if (!found?.isDirectory()) throw new Error(`${directory.path} is not a directory.`);
  if (!isRoot()) {
    if (process.getuid !== undefined && found.uid !== process.getuid())
      throw new Error(`${directory.path} belongs to another user: remove it or run as that user.`);
    return directory;
  }
  if (found.uid !== 0) return { ...directory, user: { uid: found.uid, gid: found.gid } };
  chownSync(directory.path, nobody, nobody);
  return { ...directory, user: { uid: nobody, gid: nobody } };
}
