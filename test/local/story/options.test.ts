import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { parseOptions, UsageError } from '../../../local/story/options.ts';

const parse = (...args: string[]) => parseOptions(['node', 'start.ts', ...args]);

describe('the options of npm start', () => {
  test('by default the story is played and stays up', () => {
    assert.deepEqual(parse(), { once: false, json: false, own: undefined });
  });

  test('addresses of audio, cover and video are taken as they are', () => {
    const audio = 'https://host.example/a song.mp3?token=1#part';
    const cover = 'https://host.example/cover.jpg';
    assert.deepEqual(parse('--audio', audio, '--cover', cover, '--once').own, {
      audio,
      cover,
      video: undefined,
    });
  });

  for (const [address, message] of [
    ['http://host.example/x', /only https/],
    ['ftp://host.example/x', /only https/],
    ['host.example/x', /no URL/],
    ['https://user:password@host.example/x', /password/],
    ['https://host.example:8443/x', /port/],
    ['https://localhost/x', /full domain name/],
    ['https://10.0.0.1/x', /full domain name/],
    ['https://[::1]/x', /full domain name/],
  ] as const) {
    test(`${address} is refused`, () => {
      for (const option of ['--audio', '--cover', '--video']) {
        const args = option === '--audio' ? [] : ['--audio', 'https://host.example/x'];
        assert.throws(
          () => parse(...args, option, address),
          (error: Error) => {
            assert.ok(error instanceof UsageError);
            assert.match(error.message, message);
            assert.ok(error.message.startsWith(`${option} ${address}: `));
            return true;
          },
        );
      }
    });
  }

  test('a cover or video without audio is refused', () => {
    assert.throws(() => parse('--cover', 'https://host.example/x'), /go with --audio/);
    assert.throws(() => parse('--video', 'https://host.example/x'), /go with --audio/);
  });
});
