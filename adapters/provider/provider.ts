import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { ArchiveFailure } from '../../core/failure.ts';
import { parseSourceUrl, redactUrl } from '../../core/source-url.ts';
import { request } from '../http.ts';
import { guardedConnector, type Network, systemNetwork } from './connector.ts';
import { decoded, decoderFor } from './decode.ts';
import { bodyFailure, headersFailure } from './errors.ts';
import { createExcessAgent, type Excess } from './excess.ts';
import type { AddressOverrides } from './overrides.ts';
import { announcedLength, header, isChunked, isRedirect, statusFailure } from './response.ts';

/** Redirects followed before a file counts as unreachable. */
export const maxRedirects = 5;
const maxHeaderBytes = 16 * 1024;
const defaultUserAgent = 'Mozilla/5.0 (compatible; track-archiver)';

export interface SourcePolicy {
  allowedHosts: readonly string[];
  /** Null: the archiver's own. */
  userAgent: string | null;
}

/** A file that a provider has begun to send. */
export interface SourceFile {
  /** Where the bytes come from, after redirects. */
  host: string;
  /** Bytes that the body will have, where the provider announced it and did not compress it. */
  length: number | undefined;
  /**
   * The body ends where the connection does (RFC 9112, 6.3): the end of the file looks like a connection that
   * broke.
   */
  closeDelimited: boolean;
  /** The body, to be read once or closed. It fails with the transport's own errors. */
  body: Readable;
  /** An error of the body as an ArchiveFailure. */
  failure: (error: unknown) => ArchiveFailure;
  /** Whether the provider sent more than it announced; known once anything else has been waited for after the body's end. */
  isOverlong: () => boolean;
  /** Drops the connection if the body is not read to its end. */
  close: () => void;
}

export interface Provider {
  /**
   * Starts to fetch an https address within the policy, redirects included. Throws an ArchiveFailure;
   * `signal` ends the request and the body with its reason.
   */
  open(url: string, policy: SourcePolicy, signal: AbortSignal): Promise<SourceFile>;
  close(): Promise<void>;
}

export interface ProviderOptions {
  /** Milliseconds to connect, to get response headers, and between two body chunks. */
  timeout: number;
  overrides?: AddressOverrides;
  network?: Network;
  ca?: string;
  now?: () => Date;
}

export function createProvider(options: ProviderOptions): Provider {
  const now = options.now ?? (() => new Date());
  const agent = createExcessAgent({
    connect: guardedConnector({
      timeout: options.timeout,
      overrides: options.overrides ?? new Map(),
      network: options.network ?? systemNetwork,
      ca: options.ca,
    }),
    headersTimeout: options.timeout,
    bodyTimeout: options.timeout,
    maxHeaderSize: maxHeaderBytes,
  });

  async function get(url: URL, policy: SourcePolicy, signal: AbortSignal, opaque: Excess) {
    try {
      return await request(agent, {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: {
          accept: '*/*',
          'accept-encoding': 'identity',
          'user-agent': policy.userAgent ?? defaultUserAgent,
        },
        signal,
        opaque,
      });
    } catch (error) {
      throw headersFailure(error, url.hostname);
    }
  }

  return {
    async open(raw, policy, signal) {
      const seen = new Set<string>();
      let url = parseSourceUrl(raw, policy.allowedHosts);
      for (;;) {
        seen.add(url.href);
        const excess: Excess = { seen: false };
        const response = await get(url, policy, signal, excess);
        if (!isRedirect(response.statusCode)) return sourceFile(response, url, excess, now());
        discard(response.body);
        url = redirectTarget(url, header(response.headers, 'location'), policy);
        if (seen.has(url.href) || seen.size > maxRedirects) {
          throw new ArchiveFailure(
            'redirect_limit',
            `The provider redirects too often or in a circle, last to ${redactUrl(url)}`,
          );
        }
      }
    },
    close: () => agent.destroy(),
  };
}

function redirectTarget(from: URL, location: string | undefined, policy: SourcePolicy): URL {
  const target = location === undefined ? null : URL.parse(location, from.href);
  if (target === null) {
    throw new ArchiveFailure(
      'redirect_limit',
      `The provider redirects ${redactUrl(from)} to nowhere`,
    );
  }
  return parseSourceUrl(target.href, policy.allowedHosts);
}

function sourceFile(
  response: Dispatcher.ResponseData,
  url: URL,
  excess: Excess,
  now: Date,
): SourceFile {
  try {
    const failure = statusFailure(response.statusCode, response.headers, url, now);
    if (failure !== undefined) throw failure;
    const decoder = decoderFor(response.headers);
    const body = decoder === undefined ? response.body : decoded(response.body, decoder);
    const length = decoder === undefined ? announcedLength(response.headers) : undefined;
    return {
      host: url.hostname,
      length,
      // An encoded body has an end of its own, which its decoder misses.
      closeDelimited: decoder === undefined && length === undefined && !isChunked(response.headers),
      body,
      failure: (error) => bodyFailure(error, url.hostname),
      isOverlong: () => excess.seen,
      close: () => discard(body),
    };
  } catch (error) {
    discard(response.body);
    throw error;
  }
}

/** Gives an unread body up, and its connection with it; the error that this raises is ours and means nothing. */
function discard(body: Readable): void {
  body.on('error', () => {});
  body.destroy();
}
