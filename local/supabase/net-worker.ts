import pg from 'pg';
import { Agent, request } from 'undici';

interface QueuedRequest {
  id: string;
  method: string;
  url: string;
  headers: Record<string, string> | null;
  body: Buffer | null;
  timeout_milliseconds: number;
}

interface Outcome {
  status?: number;
  type?: string;
  headers?: Record<string, unknown>;
  content?: string;
  timedOut?: boolean;
  error?: string;
}

/** One request as pg_net sends it: no redirects, no retries; whatever goes wrong is an outcome too. */
async function send(queued: QueuedRequest, agent: Agent, stopped: AbortSignal): Promise<Outcome> {
  const limit = AbortSignal.timeout(queued.timeout_milliseconds);
  try {
    const response = await request(queued.url, {
      method: queued.method.toUpperCase() as 'GET' | 'POST' | 'DELETE',
      headers: { 'user-agent': 'pg_net/0.20.0', ...queued.headers },
      body: queued.body,
      dispatcher: agent,
      signal: AbortSignal.any([limit, stopped]),
    });
    const content = await response.body.text();
    const { statusCode: status, headers } = response;
    return {
      status,
      type: String(headers['content-type'] ?? ''),
      headers,
      content,
      timedOut: false,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!limit.aborted) return { error: message, timedOut: false };
    const waited = `Timeout of ${queued.timeout_milliseconds} ms reached.`;
    return { error: waited, timedOut: true };
  }
}

export interface NetWorker {
  /** Nothing that was taken from the queue is under way. */
  idle(): boolean;
  stop(): Promise<void>;
}

const takeBatch = `
  delete from net.http_request_queue
  where id in (select id from net.http_request_queue order by id limit 200)
  returning id, method, url, headers, body, timeout_milliseconds`;
const record = `
  insert into net._http_response (id, status_code, content_type, headers, content, timed_out, error_msg)
  values ($1, $2, $3, $4, $5, $6, $7)`;

/**
 * Stands in for pg_net's background worker: posts what committed transactions have queued, in batches of
 * 200 that wait for their slowest, and leaves the outcome in `net._http_response`. `databaseUrl`: any role
 * that may log in, since Supabase opens both tables to PUBLIC. It does not outlive a restart of the database.
 */
export async function startNetWorker(options: {
  databaseUrl: string;
  onError?: (message: string) => void;
}): Promise<NetWorker> {
  const { onError = (message) => console.error('local net worker:', message) } = options;
  const client = new pg.Client(options.databaseUrl);
  const stopping = new AbortController();
  const agent = new Agent();
  client.on('error', (error) => {
    if (!stopping.signal.aborted) onError(error.message);
  });
  await client.connect();

  const drain = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const { rows } = await client.query<QueuedRequest>(takeBatch);
      if (rows.length === 0) return;
      const outcomes = await Promise.all(
        rows.map(async (queued) => ({
          id: queued.id,
          ...(await send(queued, agent, stopping.signal)),
        })),
      );
      for (const { id, status, type, headers, content, timedOut, error } of outcomes)
        await client.query(record, [id, status, type, headers, content, timedOut, error]);
    }
  };
  // Each wake-up drains after the one before: nothing that was queued meanwhile is overlooked.
  let working = Promise.resolve();
  let wakes = 0;
  const wake = (): void => {
    wakes += 1;
    working = working
      .then(drain)
      .catch((error) => {
        if (!stopping.signal.aborted) onError(String(error));
      })
      .finally(() => {
        wakes -= 1;
      });
  };
  client.on('notification', wake);
  await client.query('listen pg_net');
  wake();
  return {
    idle: () => wakes === 0,
    async stop() {
      stopping.abort();
      await working;
      await client.end();
      await agent.close();
    },
  };
}
