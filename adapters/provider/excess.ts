import type { Agent as AgentTypes, Client as ClientTypes, Dispatcher } from 'undici';
import { Agent, Client, Pool } from '../http.ts';

/** Of one request: whether bytes came behind the end of its response. Given to it as its `opaque`. */
export interface Excess {
  seen: boolean;
}

/**
 * An agent that notices bytes behind the end of a response. HTTP ends a body where its announced length
 * ends, so undici takes the response for whole and drops the connection without a word; but a provider
 * whose file is longer than it says, such as a song that is still being made, has sent only a part of it.
 * Not noticed where the provider closes the connection after its response.
 */
export const createExcessAgent = (options: AgentTypes.Options): Agent =>
  new Agent({
    ...options,
    factory: (origin, shared) => new Pool(origin, { ...shared, factory: createWatchedClient }),
  });

function createWatchedClient(origin: URL, options: object): Dispatcher {
  const client: ClientTypes = new Client(origin, options);
  let last: Excess | undefined;
  const dispatch = client.dispatch.bind(client);
  client.dispatch = (request: Dispatcher.DispatchOptions & { opaque?: Excess }, handler) => {
    last = request.opaque;
    return dispatch(request, handler);
  };
  client.on('disconnect', (_origin, _targets, error) => {
    // undici's words (lib/dispatcher/client-h1.js) for bytes that come while no response is awaited.
    if (error.message === 'bad response' && last !== undefined) last.seen = true;
  });
  return client;
}
