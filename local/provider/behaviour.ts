/** How the demo provider responds at one address. `ok` where nothing else is set. */
export type Behaviour =
  | { kind: 'ok' }
  /** No Content-Length: a chunked body. */
  | { kind: 'chunked' }
  /** Fails the first `failures` requests with a status, or by resetting the connection; then ok. */
  | { kind: 'flaky'; failures: number; by: number | 'reset'; retryAfter?: string }
  /** Trickles the body. */
  | { kind: 'slow'; bytesPerSecond: number }
  /** Responds with a status, with a page of HTML as real providers do. */
  | { kind: 'status'; status: number; retryAfter?: string }
  /** 200 with a page of HTML under an audio content type. */
  | { kind: 'html' }
  /** 200 with bytes that are no media file. */
  | { kind: 'random'; bytes: number }
  /** 200 with Content-Length 0. */
  | { kind: 'empty' }
  /**
   * Announces the whole length, sends `after` bytes, and then closes or resets the connection, or sends
   * bytes that are no TLS.
   */
  | { kind: 'truncated'; after: number; by?: 'close' | 'reset' | 'garbage' }
  /**
   * Neither a length nor chunks: the connection's end is the body's. Cut off after 5001 bytes, and every other time
   * after 5000.
   */
  | { kind: 'unframed'; cut: 'never' | 'first' | 'always' }
  /** Announces the file's length, and sends `more` behind it. */
  | { kind: 'overlong'; more: string }
  /** Sends `after` bytes (undefined: not even headers) and then nothing, with the connection open. */
  | { kind: 'stalled'; after?: number }
  | { kind: 'redirect'; to: string; status?: number }
  /** The file, then zero bytes for ever, without Content-Length. */
  | { kind: 'endless' }
  /** 200, or another status, with these headers and bytes instead of the file. */
  | {
      kind: 'response';
      status?: number;
      headers?: Record<string, string>;
      body: Uint8Array | string;
    }
  /** These bytes instead of any HTTP of ours; then closes the connection. */
  | { kind: 'raw'; bytes: Uint8Array | string };
