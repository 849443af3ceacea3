import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type LookupFunction, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, type TestContext, test } from 'vitest';
import { guardedConnector } from '../../adapters/provider/connector.ts';
import { createProvider } from '../../adapters/provider/provider.ts';
import { ArchiveFailure } from '../../core/failure.ts';
import { isPublicAddress } from '../../core/source-url.ts';
import { codeOf, fetchWhole, host, policy } from '../adapters/provider/open.ts';
import { httpsServer } from '../support/https-server.ts';
import { until } from '../support/until.ts';
import { trying } from './fuzz.ts';
import { privateIpv4, privateIpv6, toDotted, wrappedIpv4 } from './notations.ts';

const url = `https://${host}/song.mp3`;
const family = (address: string): number => (address.includes(':') ? 6 : 4);
const nowhere = { ca: '', overrides: new Map() };

/** A port at which every attempt to connect is seen, at all addresses of this machine. */
async function trap(t: TestContext): Promise<{ port: number; attempts: string[] }> {
  const attempts: string[] = [];
  const server = createServer((socket) => {
    attempts.push(socket.localAddress ?? '');
    socket.destroy();
  });
  server.listen(0);
  await once(server, 'listening');
  t.onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, attempts };
}

/** DNS that answers one list after the other, and the last one from then on. */
function dns(...answers: string[][]): { lookup: LookupFunction; asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    lookup: (_, __, callback) => {
      const addresses = answers[Math.min(asked++, answers.length - 1)] ?? [];
      callback(
        null,
        addresses.map((address) => ({ address, family: family(address) })),
      );
    },
  };
}

/** A network with this DNS and the real judgement of addresses. */
const network = (port: number, ...answers: string[][]) => ({
  network: { lookup: dns(...answers).lookup, isPublic: isPublicAddress, port },
  timeout: 500,
});

describe('a name that leads to this machine or its network', () => {
  for (const address of [
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    'fe80::1%lo',
    '169.254.169.254',
    'fd00:ec2::254',
  ]) {
    test(`by ${address} is refused, and no connection is tried`, async (t) => {
      const { port, attempts } = await trap(t);
      const result = await fetchWhole(url, nowhere, network(port, [address]));
      assert.equal(codeOf(result), 'address_not_public');
      assert.deepEqual(attempts, []);
    });
  }

  test('by one address among many is refused, wherever it stands and however it is wrapped', async (t) => {
    const { port, attempts } = await trap(t);
    const isPrivate = fc.oneof(
      privateIpv4.map(toDotted),
      privateIpv6,
      privateIpv4.chain(wrappedIpv4),
    );
    // Addresses of documentation servers, never connected to here.
    const others = fc.array(fc.constantFrom('93.184.216.34', '2606:4700::1111'), { maxLength: 4 });
    const answer = fc
      .tuple(others, isPrivate, others)
      .map(([before, address, after]) => [...before, address, ...after]);
    await fc.assert(
      fc.asyncProperty(answer, async (addresses) => {
        const result = await fetchWhole(url, nowhere, network(port, addresses));
        assert.equal(codeOf(result), 'address_not_public');
      }),
      trying(100),
    );
    assert.deepEqual(attempts, []);
  });

  test('by no name at all, as a literal address, is not connected to by the connector either', async (t) => {
    const { port, attempts } = await trap(t);
    const connect = guardedConnector({
      timeout: 500,
      overrides: new Map(),
      network: { lookup: dns([]).lookup, isPublic: isPublicAddress, port },
    });
    for (const hostname of ['127.0.0.1', '[::1]', '::1', '0.0.0.0']) {
      const error = await new Promise<unknown>((resolve) =>
        connect({ hostname, protocol: 'https:', port: String(port) }, (...[refusal]) =>
          resolve(refusal),
        ),
      );
      assert.ok(error instanceof ArchiveFailure);
      assert.equal(error.code, 'address_not_public');
    }
    assert.deepEqual(attempts, []);
  });
});

describe('a name that changes its address', () => {
  /** On which 127.0.0.1 passes for public and everything else for what it is. */
  const here = (port: number, lookup: LookupFunction) => ({
    lookup,
    port,
    isPublic: (address: string) => address === '127.0.0.1' || isPublicAddress(address),
  });
  async function open(t: TestContext, answers: string[][]) {
    const sockets = new Set<Socket>();
    const server = await httpsServer(t, [host], (request, response) => {
      sockets.add(request.socket);
      if (request.url === '/stalled') response.writeHead(200).write('so');
      else response.end('song');
    });
    const { lookup, asked } = dns(...answers);
    const provider = createProvider({
      timeout: 5000,
      ca: server.ca,
      network: here(server.port, lookup),
    });
    t.onTestFinished(() => provider.close());
    const fetch = async (path: string) => {
      const { signal } = new AbortController();
      const file = await provider.open(`https://${host}${path}`, policy, signal);
      return file;
    };
    const whole = async (path: string) => {
      for await (const _ of (await fetch(path)).body);
    };
    return { server, sockets, asked, fetch, whole };
  }

  test('is served on by the connection that passed, and no other is opened', async (t) => {
    const { server, sockets, whole } = await open(t, [['127.0.0.1'], ['10.0.0.1']]);
    await whole('/one');
    // Refused until the pool has its connection back.
    await until(() => whole('/two').then(() => true));
    assert.deepEqual([sockets.size, server.requests.length], [1, 2]);
  });

  test('is refused when its connection has to be opened again', async (t) => {
    const { server, sockets, asked, whole } = await open(t, [['127.0.0.1'], ['10.0.0.1']]);
    await whole('/one');
    for (const socket of sockets) socket.destroy();
    await until(
      async () => (await whole('/two').catch(({ code }) => code)) === 'address_not_public',
    );
    assert.ok(asked() >= 2);
    assert.equal(server.requests.length, 1);
  });

  test('is refused for a second connection beside one that is busy', async (t) => {
    const { server, fetch, whole } = await open(t, [['127.0.0.1'], ['127.0.0.1', '::1']]);
    const busy = await fetch('/stalled');
    await assert.rejects(whole('/two'), { code: 'address_not_public' });
    assert.equal(server.requests.length, 1);
    assert.equal(String(await once(busy.body, 'data')), 'so');
    busy.close();
  });
});
