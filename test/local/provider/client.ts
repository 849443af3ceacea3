import { Agent, type Dispatcher, request } from 'undici';
import type { Provider } from '../../../local/provider/server.ts';

export interface Client {
  get(url: string, options?: { signal?: AbortSignal }): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

/** A client that trusts the provider's authority and finds its hosts at its address; follows nothing. */
export function clientOf(provider: Provider): Client {
  const [hostname = '', port = ''] = provider.address.split(':');
  const agent = new Agent({
    connect: {
      ca: provider.authority,
      lookup: (_host, _options, found) => found(null, [{ address: hostname, family: 4 }]),
    },
  });
  return {
    get: (url, options) => {
      const { hostname: host, pathname, search } = new URL(url);
      const target = `https://${host}:${port}${pathname}${search}`;
      return request(target, { dispatcher: agent, headers: { host }, ...options });
    },
    close: () => agent.destroy(),
  };
}
