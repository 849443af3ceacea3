import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { AssetKind } from '../../core/assets.ts';
import { decisiveFailure } from '../../core/decisive-failure.ts';
import { ArchiveFailure, type FailureCode } from '../../core/failure.ts';

const file = (kind: AssetKind, code?: FailureCode) =>
  code === undefined ? { kind } : { kind, failure: new ArchiveFailure(code, '') };

const cases: [what: string, files: ReturnType<typeof file>[], code: FailureCode | undefined][] = [
  ['nothing, where every file is recorded', [file('audio'), file('cover')], undefined],
  [
    'the audio, although another file may still be saved',
    [file('cover', 'provider_timeout'), file('audio', 'provider_gone')],
    'provider_gone',
  ],
  [
    'a file that may still be saved, whatever is lost besides',
    [file('audio'), file('cover', 'too_large'), file('video', 'provider_reset')],
    'provider_reset',
  ],
  [
    'the lease that another worker holds, before everything else',
    [file('audio', 'provider_gone'), file('cover', 'lease_lost')],
    'lease_lost',
  ],
  [
    'the first of those that are lost for good',
    [file('audio'), file('cover', 'host_not_allowed'), file('video', 'url_invalid')],
    'host_not_allowed',
  ],
  [
    'a file that is asked for again, before those that are lost for good',
    [file('audio'), file('cover', 'url_invalid'), file('video', 'media_wrong_kind')],
    'media_wrong_kind',
  ],
];

for (const [what, files, code] of cases) {
  test(`what becomes of a track is decided by ${what}`, () => {
    assert.equal(decisiveFailure(files)?.code, code);
  });
}
