import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { chunk, format, riff } from '../../core/media/parts.ts';

const root = join(import.meta.dirname, '../../..');
const inspect = (...parameters: string[]) =>
  spawnSync(process.execPath, [join(root, 'cli/track-archiver.ts'), 'inspect', ...parameters], {
    encoding: 'utf8',
    cwd: root,
  });
const song = 'test/fixtures/song.mp3';
const cover = 'test/fixtures/cover.jpg';

test('inspect prints one object for each source and exits with 1 where one is refused', () => {
  const { status, stdout } = inspect('--json', song, cover);
  const [first, second] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(status, 1);
  const { durationSeconds, ...rest } = first;
  assert.ok(Math.abs(durationSeconds - 4.05) < 0.1);
  assert.deepEqual(rest, {
    source: song,
    slot: 'audio',
    outcome: 'accepted',
    extension: 'mp3',
    mime: 'audio/mpeg',
    whole: true,
    code: null,
    reason: null,
  });
  assert.deepEqual([second.outcome, second.code], ['refused', 'media_wrong_kind']);
});

test('inspect says of a whole song that is too short to be one that it is suspect', () => {
  const directory = mkdtempSync(join(tmpdir(), 'track-archiver-inspect-'));
  const stub = join(directory, 'stub.wav');
  try {
    writeFileSync(stub, riff(format, chunk('data', Buffer.alloc(17_640))));
    const { status, stdout } = inspect('--json', stub);
    const { outcome, code, whole, durationSeconds } = JSON.parse(stdout);
    assert.deepEqual([status, outcome, code, whole], [0, 'accepted', 'media_suspect', true]);
    assert.equal(durationSeconds, 0.1);
    assert.match(inspect(stub).stdout, /accepted as audio.*whole: media_suspect: .*0\.1 s/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('inspect exits with 0 where all are accepted, by their slot', () => {
  assert.equal(inspect('--as', 'cover', cover).status, 0);
});

test('inspect exits with 2 for a file that is not there, and prints the others', () => {
  const { status, stdout, stderr } = inspect(song, 'nowhere.mp3');
  assert.equal(status, 2);
  assert.match(stdout, /song\.mp3: accepted/);
  assert.match(stderr, /nowhere\.mp3: there is no such file/);
  assert.equal(inspect('--as', 'stem', song).status, 2);
});

test('inspect refuses an address that is not https, as the archiver does', () => {
  const { status, stdout } = inspect('--json', 'http://provider.example/a.mp3');
  assert.equal(status, 1);
  assert.equal(JSON.parse(stdout).code, 'url_invalid');
});
