import type { AssetKind } from '../../core/assets.ts';
import type { FailureCode } from '../../core/failure.ts';
import type { Behaviour } from '../../local/provider/behaviour.ts';
import type { Random } from './random.ts';

/** What is wrong with a file at its provider, and what the archiver must call it. */
export interface Fault {
  code: FailureCode;
  behaviour: Behaviour;
  /** Requests until it is fixed; Infinity: it never is. */
  requests: number;
}

const status = (code: FailureCode, number: number): Fault => ({
  code,
  behaviour: { kind: 'status', status: number },
  requests: Number.POSITIVE_INFINITY,
});
const other = (code: FailureCode, behaviour: Behaviour): Fault => ({
  code,
  behaviour,
  requests: Number.POSITIVE_INFINITY,
});

/** Time may fix these. */
const passing: readonly Fault[] = [
  status('provider_unavailable', 503),
  status('provider_unavailable', 500),
  status('provider_throttled', 429),
  status('provider_throttled', 408),
  other('provider_reset', { kind: 'flaky', failures: Number.POSITIVE_INFINITY, by: 'reset' }),
  other('provider_truncated', { kind: 'truncated', after: 1000 }),
  other('provider_reset', { kind: 'truncated', after: 1000, by: 'reset' }),
];

/** A first no; what is asked for again is there. */
const refusing: readonly Fault[] = [
  status('provider_gone', 404),
  status('provider_gone', 403),
  other('provider_empty', { kind: 'empty' }),
  other('media_unrecognised', { kind: 'html' }),
];

/** Each costs real seconds, so they are fixed soon. */
const lengthy: readonly Fault[] = [
  other('provider_throttled', { kind: 'status', status: 429, retryAfter: '1' }),
  other('provider_timeout', { kind: 'stalled' }),
  other('provider_stalled', { kind: 'stalled', after: 1000 }),
];

/** Of an optional file these mean that it is gone, and the track is archived without it. */
const gone: readonly Fault[] = [401, 403, 404, 410, 441].map((number) =>
  status('provider_gone', number),
);

const final: readonly Fault[] = [
  status('provider_refused', 418),
  other('media_unrecognised', { kind: 'html' }),
  other('media_unrecognised', { kind: 'random', bytes: 20_000 }),
  other('redirect_limit', { kind: 'redirect', to: '#again', status: 307 }),
  other('host_not_allowed', { kind: 'redirect', to: 'https://elsewhere.example/file' }),
  other('content_encoding', {
    kind: 'response',
    headers: { 'content-encoding': 'compress' },
    body: 'x'.repeat(5000),
  }),
];

const wrongKind = (bytes: Uint8Array): Fault =>
  other('media_wrong_kind', { kind: 'response', body: bytes });
const endless = other('too_large', { kind: 'endless' });

/** A fault for one file, or none. `image` and `sound` are files of kinds that do not belong everywhere. */
export function pickFault(
  random: Random,
  kind: AssetKind,
  samples: { image: Uint8Array; sound: Uint8Array },
): Fault | undefined {
  const what = random.weighted({
    none: 80,
    fixed: 9,
    once: 2,
    slowly: 2,
    lengthy: 1,
    never: 1,
    gone: 2,
    final: 3,
  });
  switch (what) {
    case 'none':
      return undefined;
    case 'fixed':
      return { ...random.pick(passing), requests: random.whole(1, 6) };
    case 'once':
      return { ...random.pick(refusing), requests: 1 };
    case 'slowly':
      return { ...random.pick(passing), requests: random.whole(7, 40) };
    case 'lengthy':
      return { ...random.pick(lengthy), requests: random.whole(1, 2) };
    case 'never':
      return random.pick(passing);
    case 'gone':
      return random.pick(gone);
    case 'final': {
      const special = kind === 'audio' ? wrongKind(samples.image) : wrongKind(samples.sound);
      return random.pick([...final, special, ...(kind === 'cover' ? [endless] : [])]);
    }
  }
}
