/** How the demo provider answers one address. `ok` where nothing else is set. */
export type Behaviour =
  | { kind: 'ok' }
  /** No Content-Length: a chunked body. */
  | { kind: 'chunked' }
  /** Fails the first `failures` requests with a status, or by resetting the connection; then ok. */
  | { kind: 'flaky'; failures: number; by: number | 'reset'; retryAfter?: string }
  /** Trickles the body. */
  | { kind: 'slow'; bytesPerSecond: number }
  /** Answers a status, with a page of HTML as real providers do. */
  | { kind: 'status'; status: number; retryAfter?: string }
  /** 200 with a page of HTML under an audio content type. */
  | { kind: 'html' }
  /** 200 with bytes that are no media file. */
  | { kind: 'random'; bytes: number }
  /** 200 with Content-Length 0. */
  | { kind: 'empty' }
  /** Announces the whole length, sends `after` bytes, and closes the connection. */
  | { kind: 'truncated'; after: number }
  /** Sends `after` bytes (undefined: not even headers) and then nothing, with the connection open. */
  | { kind: 'stalled'; after?: number }
  | { kind: 'redirect'; to: string; status?: number }
  /** The file, then zero bytes for ever, without Content-Length. */
  | { kind: 'endless' };
