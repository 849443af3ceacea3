import { Agent, buildConnector, Client, type Dispatcher, Pool } from 'undici';

export { Agent, buildConnector, Client, Pool };

export type RequestOptions = Omit<Dispatcher.RequestOptions, 'body' | 'opaque'> & {
  body?: AsyncIterable<Uint8Array> | string;
  opaque?: unknown;
};

/** A request over connections of ours, which are never those of Node's own fetch. */
export const request = (agent: Agent, options: RequestOptions): Promise<Dispatcher.ResponseData> =>
  agent.request(options as Dispatcher.RequestOptions) as Promise<Dispatcher.ResponseData>;
