import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { ArchiveFailure } from '../../core/failure.ts';
import { request } from '../http.ts';
import { guardedConnector } from './connector.ts';
import { headersFailure, isOddTransport } from './errors.ts';
import { createExcessAgent, type Excess } from './excess.ts';
import type { ProviderOptions, SourcePolicy } from './provider.ts';
import { systemNetwork } from './system-network.ts';

/** Response headers of 64 KB, which some providers send, and what comes with them. */
const maxHeaderBytes = 80 * 1024;
/** A retry waits so many times as long for headers and bytes: some files are made only when they are asked for. */
export const retryPatience = 4;
const defaultUserAgent = 'Mozilla/5.0 (compatible; track-archiver)';

/** Statuses of a server that speaks HTTP/2 only (RFC 9110, 15.5.20, 15.5.22, 15.6.6). */
const otherProtocolStatuses = [421, 426, 505];

export interface Requester {
  get(url: URL, policy: SourcePolicy, signal: AbortSignal, excess: Excess): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer extends Dispatcher.ResponseData {
  /** Gives the body up if it is not read to its end, and a connection that is not kept. */
  release: () => void;
}

/**
 * Asks over connections that are kept, in HTTP/1.1; where that does not reach the host, and on a retry, over a connection
 * of its own that bears more (connector.ts).
 */
export function createRequester(options: ProviderOptions): Requester {
  const { network = systemNetwork, overrides = new Map(), ca } = options;
  const createAgent = (lenient: boolean, timeout: number) =>
    createExcessAgent({
      connect: guardedConnector({ timeout: options.timeout, overrides, network, ca, lenient }),
      headersTimeout: timeout,
      bodyTimeout: timeout,
      maxHeaderSize: maxHeaderBytes,
      allowH2: lenient,
    });
  const usual = createAgent(false, options.timeout);

  async function ask(agent: typeof usual, url: URL, userAgent: string | null, more: object) {
    try {
      return await request(agent, {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: {
          accept: '*/*',
          'accept-encoding': 'identity',
          'user-agent': userAgent ?? defaultUserAgent,
        },
        ...more,
      });
    } catch (error) {
      throw headersFailure(error, url.hostname);
    }
  }

  const others = new Set<typeof usual>();

  async function askLeniently(url: URL, { userAgent, isRetry }: SourcePolicy, more: object) {
    const agent = createAgent(true, options.timeout * (isRetry === true ? retryPatience : 1));
    others.add(agent);
    const drop = () => {
      others.delete(agent);
      return agent.destroy();
    };
    try {
      const response = await ask(agent, url, userAgent, more);
      const release = () => {
        discard(response.body);
        void drop();
      };
      return Object.assign(response, { release });
    } catch (error) {
      await drop();
      throw error;
    }
  }

  return {
    async get(url, policy, signal, excess) {
      const more = { signal, opaque: excess };
      if (policy.isRetry === true) return await askLeniently(url, policy, more);
      try {
        const response = await ask(usual, url, policy.userAgent, more);
        const release = () => discard(response.body);
        if (!otherProtocolStatuses.includes(response.statusCode)) {
          return Object.assign(response, { release });
        }
        release();
      } catch (error) {
        if (!isOddTransport(error as ArchiveFailure)) throw error;
      }
      // What an odd head left behind on its connection is no excess of the next one.
      excess.seen = false;
      return await askLeniently(url, policy, more);
    },
    async close() {
      await Promise.all([usual, ...others].map((agent) => agent.destroy()));
    },
  };
}

/** Gives an unread body up, and its connection with it; the error that this raises is ours and means nothing. */
export function discard(body: Readable): void {
  body.on('error', () => {});
  body.destroy();
}
