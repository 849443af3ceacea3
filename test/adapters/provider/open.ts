import { createProvider, type ProviderOptions } from '../../../adapters/provider/provider.ts';
import { ArchiveFailure } from '../../../core/failure.ts';
import type { HttpsServer } from '../../support/https-server.ts';

export const host = 'cdn.provider.example';
export const policy = { allowedHosts: [host], userAgent: 'tester/1' };

export interface Opened {
  bytes: Buffer;
  host: string;
  length: number | undefined;
}

/** Fetches an address to its end with a provider of its own; returns what came, or the failure. */
export async function fetchWhole(
  url: string,
  server: Pick<HttpsServer, 'overrides' | 'ca'>,
  options: Partial<ProviderOptions> & { signal?: AbortSignal; allowedHosts?: string[] } = {},
): Promise<Opened | ArchiveFailure> {
  const { signal = new AbortController().signal, allowedHosts = policy.allowedHosts } = options;
  const { overrides, ca } = server;
  const provider = createProvider({ timeout: 10_000, overrides, ca, ...options });
  try {
    const file = await provider.open(url, { ...policy, allowedHosts }, signal);
    const chunks = await file.body.toArray().catch((error) => Promise.reject(file.failure(error)));
    return { bytes: Buffer.concat(chunks), host: file.host, length: file.length };
  } catch (error) {
    if (error instanceof ArchiveFailure) return error;
    throw error;
  } finally {
    await provider.close();
  }
}

/** The code of the failure that a fetch ended with, or its bytes. */
export const codeOf = (result: Opened | ArchiveFailure): string =>
  result instanceof ArchiveFailure ? result.code : `${result.bytes.length} bytes`;
