import { Agent, type RequestOptions, request } from '../http.ts';
import { type SupabaseAccess, supabaseHeaders } from './client.ts';
import {
  type StorageResponse,
  storageResponse,
  throwUnlessDone,
  transportFailure,
} from './storage-response.ts';

/** Milliseconds without any progress before Storage counts as unreachable; it may need some to finish a large file. */
const defaultTimeout = 60_000;

export interface ObjectPlace {
  bucket: string;
  path: string;
}

export interface Upload extends ObjectPlace {
  contentType: string;
  /** Bytes, where they are known beforehand; another number of bytes then is an error and stores nothing. */
  length: number | undefined;
}

/**
 * Supabase Storage's own protocol, without supabase-js: this is the one path where bytes count, and its
 * web streams are neither limited nor counted. A contract test holds the two together.
 */
export interface Storage {
  /**
   * Stores `body`, replacing what is there. An error that `body` throws is thrown as it is, and
   * nothing is stored then.
   */
  upload(object: Upload, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** One that is not there is fine. */
  remove(place: ObjectPlace, signal: AbortSignal): Promise<void>;
  publicUrl(place: ObjectPlace): string;
  close(): Promise<void>;
}

export interface StorageOptions extends SupabaseAccess {
  /** Milliseconds without any progress before Storage counts as unreachable. */
  timeout?: number | undefined;
  now?: () => Date;
}

export function createStorage(options: StorageOptions): Storage {
  const base = new URL(options.supabaseUrl);
  const root = `${base.pathname.replace(/\/$/, '')}/storage/v1/object`;
  const headers = supabaseHeaders(options);
  const timeout = options.timeout ?? defaultTimeout;
  const agent = new Agent({ headersTimeout: timeout, bodyTimeout: timeout });
  const now = options.now ?? (() => new Date());

  async function call(options: Omit<RequestOptions, 'origin'>): Promise<StorageResponse> {
    try {
      const response = await request(agent, { origin: base.origin, ...options });
      return storageResponse(
        response.statusCode,
        response.headers,
        await response.body.text(),
        now(),
      );
    } catch (error) {
      throw transportFailure(error);
    }
  }

  return {
    async upload(object, body, signal) {
      const response = await call({
        method: 'POST',
        path: `${root}/${encodePlace(object)}`,
        headers: {
          ...headers,
          'content-type': object.contentType,
          'cache-control': 'max-age=3600',
          'x-upsert': 'true',
          ...(object.length === undefined ? {} : { 'content-length': String(object.length) }),
        },
        body,
        signal,
      });
      throwUnlessDone(response);
    },
    async remove(place, signal) {
      const path = `${root}/${encodePlace(place)}`;
      const response = await call({ method: 'DELETE', path, headers, signal });
      if (response.status !== 404) throwUnlessDone(response);
    },
    publicUrl: (place) => `${base.origin}${root}/public/${encodePlace(place)}`,
    close: () => agent.destroy(),
  };
}

const encodePlace = ({ bucket, path }: ObjectPlace): string =>
  [bucket, ...path.split('/')].map(encodeURIComponent).join('/');
