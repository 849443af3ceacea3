import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { type HttpServer, startHttpServer } from '../../local/aws/http.ts';
import type { Counts } from './counts.ts';
import { Random } from './random.ts';

const Payload = z.object({
  record: z.object({ id: z.string() }).nullable(),
  old_record: z.object({ id: z.string() }).nullable(),
});

/** Between pg_net and the enqueue Lambda: loses webhooks, doubles them and turns their order round. */
export interface Mail extends HttpServer {
  /** Tracks of which a webhook did not arrive in time, or got no response. */
  lost: Set<string>;
  /** Nothing is being passed on. */
  idle(): boolean;
  /** Passes on what was held back for long; it may be too old by now. */
  deliverLate(): void;
}

const deliveries = { arrives: 68, lost: 14, twice: 8, soon: 6, late: 4 };

export async function startMail(seed: number, functionUrl: string, counts: Counts): Promise<Mail> {
  const lost = new Set<string>();
  const numbers = new Map<string, number>();
  let late: (() => Promise<void>)[] = [];
  let passing = 0;

  async function pass(id: string, body: string, headers: IncomingHttpHeaders): Promise<void> {
    passing += 1;
    const kept = Object.entries(headers).filter(([name]) => /^(content-type|webhook-)/.test(name));
    try {
      const response = await fetch(functionUrl, {
        method: 'POST',
        body,
        headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
      });
      await response.arrayBuffer();
      if (!response.ok) lost.add(id);
    } catch {
      // pg_net asks once and never again.
      lost.add(id);
    } finally {
      passing -= 1;
    }
  }

  async function take(body: string, headers: IncomingHttpHeaders): Promise<void> {
    const { record, old_record: old } = Payload.parse(JSON.parse(body));
    const id = record?.id ?? old?.id ?? '';
    const number = (numbers.get(id) ?? 0) + 1;
    numbers.set(id, number);
    const random = new Random(seed, 'webhook', id, number);
    const delivery = random.weighted(deliveries);
    counts.add(`webhooks ${delivery}`);
    if (delivery !== 'arrives' && delivery !== 'twice') lost.add(id);
    if (delivery === 'late') late.push(() => pass(id, body, headers));
    else if (delivery === 'soon') {
      passing += 1;
      await wait(random.whole(20, 200));
      passing -= 1;
      await pass(id, body, headers);
    } else if (delivery !== 'lost') {
      await Promise.all([
        pass(id, body, headers),
        ...(delivery === 'twice' ? [pass(id, body, headers)] : []),
      ]);
    }
  }

  const server = await startHttpServer(async (request, response) => {
    const body = await text(request);
    // Responded at once: whoever waits for the slowest of a batch would keep the order.
    response.end('{}');
    await take(body, request.headers);
  });
  return {
    ...server,
    lost,
    idle: () => passing === 0,
    deliverLate() {
      const due = late;
      late = [];
      for (const deliver of due) void deliver();
    },
  };
}
