import type { Readable } from 'node:stream';
import { ArchiveFailure } from '../../core/failure.ts';
import { parseSourceUrl, redactUrl } from '../../core/source-url.ts';
import type { Network } from './connector.ts';
import { decoded, listedCodings } from './decode.ts';
import { bodyFailure } from './errors.ts';
import type { Excess } from './excess.ts';
import type { AddressOverrides } from './overrides.ts';
import { type Answer, createRequester, discard } from './request.ts';
import {
  announcedLength,
  coveredLength,
  isChunked,
  isRedirect,
  locationOf,
  statusFailure,
} from './response.ts';

/** Redirects followed before a file counts as unreachable. */
export const maxRedirects = 5;

export interface SourcePolicy {
  allowedHosts: readonly string[];
  /** Null: the archiver's own. */
  userAgent: string | null;
  /** Asked before, in vain: over a connection of its own now, with more patience. */
  isRetry?: boolean;
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
  /** Milliseconds to connect, to get response headers, and between two body chunks; a retry has more (request.ts). */
  timeout: number;
  overrides?: AddressOverrides;
  network?: Network;
  ca?: string;
  now?: () => Date;
}

export function createProvider(options: ProviderOptions): Provider {
  const now = options.now ?? (() => new Date());
  const requester = createRequester(options);

  return {
    async open(raw, policy, signal) {
      const seen = new Set<string>();
      let url = parseSourceUrl(raw, policy.allowedHosts);
      for (;;) {
        seen.add(url.href);
        const excess: Excess = { seen: false };
        const response = await requester.get(url, policy, signal, excess);
        if (!isRedirect(response.statusCode)) return sourceFile(response, url, excess, now());
        response.release();
        url = redirectTarget(url, locationOf(response.headers), policy);
        if (seen.has(url.href) || seen.size > maxRedirects) {
          throw new ArchiveFailure(
            'redirect_limit',
            `The provider redirects too often or in a circle, last to ${redactUrl(url)}`,
          );
        }
      }
    },
    close: () => requester.close(),
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

async function sourceFile(
  response: Answer,
  url: URL,
  excess: Excess,
  now: Date,
): Promise<SourceFile> {
  const { headers } = response;
  try {
    const failure = statusFailure(response.statusCode, headers, url, now);
    if (failure !== undefined) throw failure;
    const { body, isCoded } = await decoded(response.body, listedCodings(headers)).catch(
      (error: unknown) => Promise.reject(bodyFailure(error, url.hostname)),
    );
    const covered = response.statusCode === 206 ? coveredLength(headers) : undefined;
    const length = isCoded ? undefined : (covered ?? announcedLength(headers));
    return {
      host: url.hostname,
      length,
      // An encoded body has an end of its own, which its decoder misses.
      closeDelimited: !isCoded && length === undefined && !isChunked(headers),
      body,
      failure: (error) => bodyFailure(error, url.hostname),
      isOverlong: () => excess.seen,
      close: () => {
        discard(body);
        response.release();
      },
    };
  } catch (error) {
    response.release();
    throw error;
  }
}
