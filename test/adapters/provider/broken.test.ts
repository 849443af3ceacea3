import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { test } from 'vitest';
import { ArchiveFailure } from '../../../core/failure.ts';
import { makeCertificate } from '../../../local/provider/certificate.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { httpsServer } from '../../support/https-server.ts';
import { codeOf, fetchWhole, host } from './open.ts';

const url = `https://${host}/song.mp3`;

/** A TCP server that treats each connection as `use` says. */
async function tcpServer(t: Cleanup, use: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    use(socket);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { port, overrides: new Map([[host, { address: '127.0.0.1', port }]]), ca: '' };
}

/** A TLS server that sends these bytes as its response, whatever it is asked, and then ends or resets. */
async function rawServer(t: Cleanup, bytes: string, end: 'end' | 'reset') {
  const { authority, certificate, key } = await makeCertificate([host]);
  const tcp = new Set<Socket>();
  const server = createTlsServer({ cert: certificate, key }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(bytes, () => {
        if (end === 'end') socket.end();
        else setImmediate(() => [...tcp].map((each) => each.resetAndDestroy()));
      });
    });
  });
  server.on('connection', (socket: Socket) => tcp.add(socket));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    for (const socket of tcp) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { overrides: new Map([[host, { address: '127.0.0.1', port }]]), ca: authority };
}

test('a refused connection is unreachable', async (t) => {
  const server = await tcpServer(t, () => {});
  const overrides = new Map([[host, { address: '127.0.0.1', port: 1 }]]);
  const failure = await fetchWhole(url, { ...server, overrides });
  assert.equal(codeOf(failure), 'provider_unreachable');
  assert.ok(failure instanceof ArchiveFailure && failure.cause instanceof Error);
});

test('a host that no DNS knows is a DNS failure', async () => {
  const network = {
    lookup: (_: string, __: object, callback: (error: Error) => void) =>
      callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })),
    isPublic: () => true,
    port: 443,
  };
  const failure = await fetchWhole(
    url,
    { overrides: new Map(), ca: '' },
    { network: network as never },
  );
  assert.equal(codeOf(failure), 'provider_dns');
});

test('a certificate of an unknown authority is a TLS failure', async (t) => {
  const server = await httpsServer(t, [host], (_, response) => void response.end('x'));
  const other = await makeCertificate([host]);
  assert.equal(codeOf(await fetchWhole(url, { ...server, ca: other.authority })), 'provider_tls');
  assert.equal(server.requests.length, 0);
});

test('a certificate of another host is a TLS failure', async (t) => {
  const server = await httpsServer(t, ['other.example'], (_, response) => void response.end('x'));
  const overrides = new Map([[host, { address: '127.0.0.1', port: server.port }]]);
  assert.equal(codeOf(await fetchWhole(url, { ...server, overrides })), 'provider_tls');
});

test('plain http where TLS is expected is a TLS failure', async (t) => {
  const server = await tcpServer(t, (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  assert.equal(codeOf(await fetchWhole(url, server)), 'provider_tls');
});

test('a handshake that never ends is unreachable', async (t) => {
  const server = await tcpServer(t, () => {});
  assert.equal(codeOf(await fetchWhole(url, server, { timeout: 100 })), 'provider_unreachable');
});

test('no response headers in time is a timeout', async (t) => {
  const server = await httpsServer(t, [host], () => {});
  assert.equal(codeOf(await fetchWhole(url, server, { timeout: 300 })), 'provider_timeout');
});

test('a body that stops in the middle is stalled', async (t) => {
  const server = await httpsServer(t, [host], (_, response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('begin');
  });
  assert.equal(codeOf(await fetchWhole(url, server, { timeout: 300 })), 'provider_stalled');
});

for (const [what, bytes, end, code] of [
  [
    'closed before its announced end is truncated',
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin',
    'end',
    'provider_truncated',
  ],
  [
    'closed inside a chunk is truncated',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n',
    'end',
    'provider_truncated',
  ],
  [
    'reset in its body is a reset',
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin',
    'reset',
    'provider_reset',
  ],
  [
    'that ends with the connection is whole',
    'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nbegin',
    'end',
    '5 bytes',
  ],
  ['closed without a word is a reset', '', 'end', 'provider_reset'],
  ['that is no HTTP is a reset', 'SSH-2.0-OpenSSH_9.6\r\n', 'end', 'provider_reset'],
  [
    'with endless headers is refused',
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`,
    'end',
    'provider_refused',
  ],
  [
    'with a length that is no number is a reset',
    'HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nbegin',
    'end',
    'provider_reset',
  ],
] as const) {
  test(`a response ${what}`, async (t) => {
    const server = await rawServer(t, bytes, end);
    assert.equal(codeOf(await fetchWhole(url, server)), code);
  });
}

test('a signal ends the request, and the body, with its own reason', async (t) => {
  const controllers = [new AbortController(), new AbortController()];
  const server = await httpsServer(t, [host], (request, response) => {
    const over = () => controllers.shift()?.abort(new ArchiveFailure('out_of_time', 'over'));
    if (request.url === '/silent') over();
    else response.writeHead(200, { 'content-length': 1000 }).write('begin', over);
  });
  for (const [index, path] of ['/silent', '/stalled'].entries()) {
    const { signal } = controllers[0] ?? new AbortController();
    const result = await fetchWhole(`https://${host}${path}`, server, { signal });
    assert.equal(codeOf(result), 'out_of_time');
    assert.equal(server.requests.length, index + 1);
  }
});
