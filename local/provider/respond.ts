import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Behaviour } from './behaviour.ts';

const page = '<!doctype html><title>Not found</title><p>The file has expired.</p>';

export interface Exchange {
  response: ServerResponse;
  file: Buffer;
  /** The number of this request to its address, from 1. */
  count: number;
  /** The TCP connection below TLS: to reset it, which a TLS socket cannot do by itself, or to garble it. */
  connection: Socket | undefined;
}

/** Plays `behaviour` on the wire. Rejects where the client goes away in the middle of a long body. */
export async function respond(exchange: Exchange, behaviour: Behaviour): Promise<void> {
  const { response, file, count, connection } = exchange;
  const whole = { 'content-type': 'application/octet-stream', 'content-length': file.length };
  switch (behaviour.kind) {
    case 'ok':
      response.writeHead(200, whole).end(file);
      return;
    case 'chunked':
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.write(file.subarray(0, file.length / 2));
      response.end(file.subarray(file.length / 2));
      return;
    case 'flaky':
      if (count > behaviour.failures) return respond(exchange, { kind: 'ok' });
      if (behaviour.by === 'reset') connection?.resetAndDestroy();
      else refuse(response, behaviour.by, behaviour.retryAfter);
      return;
    case 'slow':
      response.writeHead(200, whole);
      await pipeline(trickle(file, behaviour.bytesPerSecond), response);
      return;
    case 'status':
      refuse(response, behaviour.status, behaviour.retryAfter);
      return;
    case 'html':
      response.writeHead(200, { 'content-type': 'audio/mpeg' }).end(page);
      return;
    case 'random': {
      // A first byte of zero is no magic number of an accepted type.
      const bytes = randomBytes(behaviour.bytes);
      bytes.fill(0, 0, 16);
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': bytes.length });
      response.end(bytes);
      return;
    }
    case 'empty':
      response.writeHead(200, { ...whole, 'content-length': 0 }).end();
      return;
    case 'truncated':
      response.writeHead(200, whole);
      response.write(file.subarray(0, behaviour.after), () => breakOff(exchange, behaviour.by));
      return;
    case 'overlong':
      response.writeHead(200, whole);
      response.write(file);
      // Past the response, which would not take them.
      response.socket?.write(behaviour.more);
      return;
    case 'stalled':
      if (behaviour.after === undefined) return;
      response.writeHead(200, whole);
      response.write(file.subarray(0, behaviour.after));
      return;
    case 'redirect':
      response.writeHead(behaviour.status ?? 302, { location: behaviour.to }).end();
      return;
    case 'endless':
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      await pipeline(pour(file), response);
      return;
    case 'response':
      response.writeHead(behaviour.status ?? 200, behaviour.headers).end(behaviour.body);
      return;
    case 'unframed': {
      const cut = behaviour.cut === 'always' || (behaviour.cut === 'first' && count === 1);
      response.socket?.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n');
      response.socket?.end(cut ? file.subarray(0, 5000 + (count % 2)) : file);
      return;
    }
    case 'raw':
      response.socket?.end(behaviour.bytes);
      return;
  }
}

function breakOff({ response, connection }: Exchange, by: 'close' | 'reset' | 'garbage' = 'close') {
  if (by === 'close') response.socket?.end();
  // What was written to the TLS socket leaves first.
  else if (by === 'reset') setImmediate(() => connection?.resetAndDestroy());
  else connection?.write('this is no TLS record');
}

function refuse(response: ServerResponse, status: number, retryAfter: string | undefined): void {
  response.writeHead(status, {
    'content-type': 'text/html',
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
  });
  response.end(page);
}

async function* trickle(file: Buffer, perSecond: number): AsyncGenerator<Buffer> {
  const step = Math.max(1, Math.ceil(perSecond / 10));
  for (let sent = 0; sent < file.length; sent += step) {
    yield file.subarray(sent, sent + step);
    await wait(100);
  }
}

function* pour(file: Buffer): Generator<Buffer> {
  yield file;
  const zeros = Buffer.alloc(64 * 1024);
  while (true) yield zeros;
}
