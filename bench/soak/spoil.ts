import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Intercept, Interception } from '../../local/intercepting-proxy.ts';
import type { Counts } from './counts.ts';
import { isOut, type Outage } from './disturbances.ts';
import { Random } from './random.ts';

/** What befalls a request to Supabase; most are left alone. */
const mishaps = {
  storage: {
    none: 960,
    500: 5,
    503: 5,
    429: 3,
    409: 3,
    401: 3,
    lost: 6,
    cut: 5,
    response: 7,
    forgotten: 6,
  },
  rest: { none: 978, 500: 5, 503: 5, lost: 5, response: 7 },
};

interface Options {
  seed: number;
  outages: readonly Outage[];
  counts: Counts;
  /** Milliseconds from the beginning. */
  now: () => number;
}

/**
 * Decides by the seed, the address and how often it was asked for. The address of an object names its
 * track; of the database's functions only the name counts, and whose call it is depends on the moment.
 */
export function spoil({ seed, outages, counts, now }: Options): Intercept {
  const numbers = new Map<string, number>();
  return (request, response) => {
    const { method = 'GET', url = '/' } = request;
    const part = url.startsWith('/storage/') ? 'storage' : 'rest';
    if (isOut(outages, part === 'storage' ? 'storage' : 'database', now()) !== undefined) {
      counts.add(`${part} requests during an outage`);
      return refuse(request, response, part, 503);
    }
    const key = `${method} ${url.split('?')[0]}`;
    const number = (numbers.get(key) ?? 0) + 1;
    numbers.set(key, number);
    const random = new Random(seed, 'request', key, number);
    const mishap = random.weighted<string>(mishaps[part]);
    // A file that is there already would hide that this one was forgotten: Storage is asked for the length alone.
    const isFirstUpload = method === 'POST' && number === 1;
    if (mishap === 'none' || (mishap === 'forgotten' && !isFirstUpload)) return false;
    counts.add(`${part} requests: ${names[mishap] ?? `answered ${mishap}`}`);
    switch (mishap) {
      case 'lost':
        response.destroy();
        return true;
      case 'cut':
        return { lose: random.whole(0, 20_000) };
      case 'response':
        return { lose: 'response' };
      case 'forgotten':
        request.resume().on('end', () => response.end('{"Key":"x","Id":"y"}'));
        return true;
      default:
        return refuse(request, response, part, Number(mishap));
    }
  };
}

const names: Record<string, string> = {
  lost: 'lost',
  cut: 'cut off in their body',
  response: 'response lost',
  forgotten: 'accepted and forgotten',
};

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  part: 'storage' | 'rest',
  status: number,
): Interception {
  // A body that nobody reads would keep the connection busy.
  request.resume();
  const message = 'spoiled';
  const body =
    part === 'rest'
      ? { code: 'PGRST000', message, details: null, hint: null }
      : { statusCode: String(status), error: 'spoiled', message };
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(status === 429 ? { 'retry-after': '1' } : {}),
  });
  response.end(JSON.stringify(body));
  return true;
}
