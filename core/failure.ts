import { redactExcerpt } from './redact.ts';

/**
 * The closed set of failures. What a disposition means to a worker:
 * - `retry`: the retry policy inside the invocation, then the queue's redelivery, then the dead-letter queue.
 * - `ask-again`: the provider said no. One request a delivery, delivered again by the queue a minute later, then by the
 *   sweep until the expiry. A cover or video is not to be had after a second no, an hour later at least.
 * - `give-up`: retrying cannot fix it; to the dead-letter queue at once, the provider is asked no more.
 * - `ignore`: somebody else's work or nobody's; a quiet success.
 */
export type Disposition = 'retry' | 'ask-again' | 'give-up' | 'ignore';

export interface FailureRow {
  disposition: Disposition;
  meaning: string;
  operator: string;
}

export const failures = {
  provider_unreachable: {
    disposition: 'retry',
    meaning: 'The connection to the provider was refused or no route led there.',
    operator: "Check the provider's status page; redrive once it is back.",
  },
  provider_dns: {
    disposition: 'retry',
    meaning: "The provider's host name did not resolve.",
    operator: 'Check whether the provider moved to a new host; redrive.',
  },
  provider_tls: {
    disposition: 'retry',
    meaning: 'The TLS handshake with the provider failed.',
    operator: "Look at the provider's certificate; redrive once it is fixed.",
  },
  provider_timeout: {
    disposition: 'retry',
    meaning: 'The provider sent no response headers in time.',
    operator: 'Redrive when the provider answers again.',
  },
  provider_stalled: {
    disposition: 'retry',
    meaning: 'The body stopped in the middle for too long.',
    operator: 'Redrive when the provider answers again.',
  },
  provider_reset: {
    disposition: 'retry',
    meaning: 'The connection broke in the middle of a response.',
    operator: 'Redrive when the provider answers again.',
  },
  provider_truncated: {
    disposition: 'retry',
    meaning:
      'Fewer bytes arrived than the provider announced, or, where it announces none, others than the first time.',
    operator: 'Redrive; if it stays, the file at the provider is damaged.',
  },
  provider_overlong: {
    disposition: 'retry',
    meaning: 'More bytes arrived than the provider announced, or it announced two lengths.',
    operator: 'Redrive; if it stays, compare the file at the provider with its Content-Length.',
  },
  provider_empty: {
    disposition: 'ask-again',
    meaning: 'The provider answered 200 with no bytes.',
    operator: 'Redrive; if it stays, the file at the provider is empty.',
  },
  provider_throttled: {
    disposition: 'retry',
    meaning: 'The provider answered 408, 425 or 429.',
    operator: 'Redrive at a lower rate.',
  },
  provider_unavailable: {
    disposition: 'retry',
    meaning: 'The provider answered 5xx.',
    operator: "Check the provider's status page; redrive once it is back.",
  },
  provider_gone: {
    disposition: 'ask-again',
    meaning:
      'The provider says that the file is not there or not for us: 401, 403 or 404; or 410 or 441, which are final at once.',
    operator: 'Try the address by hand; if another address has the file, set it on the track.',
  },
  provider_refused: {
    disposition: 'ask-again',
    meaning:
      'The provider answered with a status that is neither success nor a known failure, with a part of the file, or with a challenge.',
    operator: 'Try the address by hand.',
  },
  redirect_limit: {
    disposition: 'ask-again',
    meaning: 'The provider redirected too often, in a circle, or to nowhere.',
    operator: 'Try the address by hand; set the final address on the track.',
  },
  content_encoding: {
    disposition: 'ask-again',
    meaning: 'The body came in a content encoding that we did not ask for and cannot decode.',
    operator: 'Try the address by hand.',
  },
  too_large: {
    disposition: 'ask-again',
    meaning:
      "The file is larger than its bucket's limit, or the provider says so: another time it may say otherwise, and the limit may be another.",
    operator:
      'If such files are wanted, raise the limit in core/assets.ts and file_size_limit of the bucket, and deploy: the sweep asks again until the expiry. After it, redrive.',
  },
  media_unrecognised: {
    disposition: 'ask-again',
    meaning: 'The provider answered 200 with bytes that are no media file.',
    operator:
      'Look at what the address serves; if another address has the file, set it on the track.',
  },
  media_wrong_kind: {
    disposition: 'ask-again',
    meaning: 'The file is of another kind than its slot, such as an image as audio.',
    operator: 'Correct the address on the track.',
  },
  media_suspect: {
    disposition: 'ask-again',
    meaning:
      'The file plays for less than half of what the app says or of the stored copy, or for less than a second. It is kept beside, as `{user_id}/{track_id}/suspect-{kind}.{ext}`; a stored copy stays.',
    operator:
      'Listen to the file that is kept beside. If it is right after all, correct the duration on the track, or set the file with `mark_track_archived`.',
  },
  url_missing: {
    disposition: 'give-up',
    meaning: 'The track is completed but has no audio address.',
    operator: 'Set audio_url on the track.',
  },
  url_invalid: {
    disposition: 'give-up',
    meaning: 'The address is no URL, is not https, names a port, or carries credentials.',
    operator: 'Correct the address on the track.',
  },
  host_not_allowed: {
    disposition: 'give-up',
    meaning: "The address, or a redirect from it, leads to a host outside the provider's policy.",
    operator:
      'If the host is the provider’s, add it to track_archiving_policies.allowed_hosts; redrive.',
  },
  address_not_public: {
    disposition: 'give-up',
    meaning: 'The host resolves to an address that is not on the public internet.',
    operator: 'Treat it as an attack on the archiver until shown otherwise.',
  },
  storage_unavailable: {
    disposition: 'retry',
    meaning:
      'Supabase Storage was not reachable, too slow, full (402, 507), busy (408, 409, 423, 425, 429), or answered 5xx.',
    operator: 'Check the Supabase status page and the quota of the plan; redrive once it is back.',
  },
  storage_unauthorized: {
    disposition: 'retry',
    meaning: 'Supabase Storage refused our key.',
    operator: 'Correct the key in the secret; redrive.',
  },
  storage_rejected: {
    disposition: 'give-up',
    meaning: 'Supabase Storage refused the file: type, size or name.',
    operator: "Compare the bucket's limits with the migration; redrive.",
  },
  storage_mismatch: {
    disposition: 'retry',
    meaning: 'Storage has another length than was sent, or has not what it accepted.',
    operator: 'Redrive; if it stays, look at the bucket.',
  },
  database_unavailable: {
    disposition: 'retry',
    meaning: 'The database was not reachable, too slow, or refused the call.',
    operator: 'Check the Supabase status page; redrive once it is back.',
  },
  out_of_time: {
    disposition: 'retry',
    meaning: 'The invocation ran out of time before the copy was done.',
    operator: 'Redrive; if it stays, the file is too large for the speed of the provider.',
  },
  worker_crashed: {
    disposition: 'retry',
    meaning:
      'Workers crashed again and again while they copied the track: time-out, memory, or a defect.',
    operator: 'Read the archive Lambda’s log around its last report; redrive once it is fixed.',
  },
  owner_missing: {
    disposition: 'give-up',
    meaning: 'The track has no user_id, so there is no folder for its files.',
    operator: 'Set user_id on the track; redrive.',
  },
  expired: {
    disposition: 'give-up',
    meaning: 'The provider’s retention had passed before the track could be saved.',
    operator:
      'Try the address by hand; if it still serves the file, `npx track-archiver redrive --track <id>`.',
  },
  superseded: {
    disposition: 'retry',
    meaning: "The track's addresses changed while they were being copied.",
    operator:
      'Nothing: the next delivery copies the new files, and the sweep those of a track in the dead-letter queue.',
  },
  lease_lost: {
    disposition: 'ignore',
    meaning: 'Another worker took the track over.',
    operator: 'Nothing.',
  },
  message_invalid: {
    disposition: 'give-up',
    meaning: 'The queue message is not one of ours.',
    operator: 'Find out who sends to the queue; drop the message.',
  },
  internal: {
    disposition: 'retry',
    meaning: 'An error that nobody foresaw: a defect of the archiver.',
    operator: 'Read the log line with its stack; report it.',
  },
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof failures;

/** Others' words in a message may be of any length; SQS and readers want it short. */
const maxMessageLength = 1000;

/** One of the closed set of failures. The message names what happened, for an operator; never a secret. */
export class ArchiveFailure extends Error {
  override readonly name = 'ArchiveFailure';
  readonly code: FailureCode;
  /** Seconds that the other side asked us to wait, from Retry-After. */
  readonly retryAfter: number | undefined;
  /** Said so clearly that it is not asked again, whatever its code. */
  readonly isFinal: boolean;

  constructor(
    code: FailureCode,
    message: string,
    options: { cause?: unknown; retryAfter?: number | undefined; isFinal?: boolean } = {},
  ) {
    super(
      redactExcerpt(message, maxMessageLength),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.isFinal = options.isFinal ?? false;
  }

  get disposition(): Disposition {
    return this.isFinal ? 'give-up' : failures[this.code].disposition;
  }
}

/** Anything thrown, as an ArchiveFailure. Adapters throw these; the rest is `internal`. */
export function classify(error: unknown): ArchiveFailure {
  if (error instanceof ArchiveFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ArchiveFailure('internal', message, { cause: error });
}
