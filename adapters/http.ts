import type { Dispatcher } from 'undici';
import apiRequest from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Client from 'undici/lib/dispatcher/client.js';
import Pool from 'undici/lib/dispatcher/pool.js';

/*
 * undici by its parts: the whole brings fetch, caches and mocks along, 250 kB in every bundle, which a
 * cold start pays for. undici declares no `exports`, and its version is pinned.
 */
export { default as buildConnector } from 'undici/lib/core/connect.js';
export { Agent, Client, Pool };

export type RequestOptions = Omit<Dispatcher.RequestOptions, 'body' | 'opaque'> & {
  body?: AsyncIterable<Uint8Array> | string;
  opaque?: unknown;
};

export const request = (agent: Agent, options: RequestOptions): Promise<Dispatcher.ResponseData> =>
  apiRequest.call(agent, options as Dispatcher.RequestOptions);
