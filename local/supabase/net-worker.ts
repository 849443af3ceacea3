import pg from 'pg';

export interface NetWorker {
  /** Nothing that was taken from the queue is still under way. */
  idle(): boolean;
  stop(): Promise<void>;
}

interface Request {
  id: string;
  method: string;
  url: string;
  headers: Record<string, string> | null;
  body: Buffer | null;
  timeout_milliseconds: number;
}

/**
 * Sends what net.http_post queues, with pg_net's manners: a request is taken from the queue once, sent
 * once and never again; whatever became of it is one row in net._http_response.
 */
export async function startNetWorker(options: { databaseUrl: string }): Promise<NetWorker> {
  const pool = new pg.Pool({ connectionString: options.databaseUrl, max: 4 });
  const listener = new pg.Client({ connectionString: options.databaseUrl });
  // Both connections may break when Postgres is stopped first.
  pool.on('error', () => {});
  listener.on('error', () => {});
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();

  async function send(request: Request): Promise<void> {
    const answer = await post(request, stopping.signal);
    if (stopping.signal.aborted) return;
    await pool.query(
      `insert into net._http_response (id, status_code, content_type, headers, content, timed_out, error_msg)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [
        request.id,
        answer.status,
        answer.headers['content-type'],
        JSON.stringify(answer.headers),
        answer.content,
        answer.timedOut,
        answer.error,
      ],
    );
  }

  const track = (work: Promise<void>): void => {
    const ended = work.catch(() => {}).finally(() => underWay.delete(ended));
    underWay.add(ended);
  };
  const drain = async (): Promise<void> => {
    const { rows } = await pool.query<Request>('delete from net.http_request_queue returning *');
    for (const request of rows) track(send(request));
  };

  await listener.connect();
  listener.on('notification', () => track(drain()));
  await listener.query('listen pg_net');
  track(drain());

  return {
    idle: () => underWay.size === 0,
    async stop() {
      stopping.abort();
      await listener.end().catch(() => {});
      await Promise.all(underWay);
      await pool.end().catch(() => {});
    },
  };
}

interface Answer {
  status: number | null;
  headers: Record<string, string>;
  content: string | null;
  timedOut: boolean;
  error: string | null;
}

async function post(request: Request, stopping: AbortSignal): Promise<Answer> {
  const timeout = AbortSignal.timeout(request.timeout_milliseconds);
  try {
    const response = await fetch(request.url, {
      method: request.method,
      headers: { 'user-agent': 'pg_net/0.20.0', ...request.headers },
      ...(request.body === null ? {} : { body: new Uint8Array(request.body) }),
      redirect: 'manual',
      signal: AbortSignal.any([timeout, stopping]),
    });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      content: await response.text(),
      timedOut: false,
      error: null,
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const message = timeout.aborted
      ? `Timeout of ${request.timeout_milliseconds} ms reached`
      : String(cause instanceof Error ? cause.message : cause);
    return { status: null, headers: {}, content: null, timedOut: timeout.aborted, error: message };
  }
}
