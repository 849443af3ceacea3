import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { describe, test } from 'vitest';
import { createProvider, maxRedirects } from '../../../adapters/provider/provider.ts';
import { type HttpsServer, httpsServer } from '../../support/https-server.ts';
import { codeOf, fetchWhole, host, policy } from './open.ts';

const url = `https://${host}/song.mp3`;

/** A network on which 127.0.0.1 passes for public, and DNS gives one of `answers` after the other. */
function network(server: HttpsServer, answers: string[][]) {
  const asked: string[] = [];
  const lookup: LookupFunction = (name, _, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    callback(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    );
  };
  const isPublic = (address: string): boolean => address === '127.0.0.1';
  return { asked, options: { network: { lookup, isPublic, port: server.port } } };
}
const songServer = (t: Parameters<typeof httpsServer>[0]) =>
  httpsServer(t, [host], (_, response) => {
    response.writeHead(200, { connection: 'close' }).end('song');
  });
const withoutOverrides = (server: HttpsServer) => ({ ca: server.ca, overrides: new Map() });

describe('an address from DNS', () => {
  test('that is public is connected to', async (t) => {
    const server = await songServer(t);
    const { options } = network(server, [['127.0.0.1']]);
    assert.equal(codeOf(await fetchWhole(url, withoutOverrides(server), options)), '4 bytes');
  });

  test('that is not public is refused before a connection is opened', async (t) => {
    const server = await songServer(t);
    const { options } = network(server, [['127.0.0.2']]);
    assert.equal(
      codeOf(await fetchWhole(url, withoutOverrides(server), options)),
      'address_not_public',
    );
    assert.equal(server.requests.length, 0);
  });

  test('is refused where only one of several is not public', async (t) => {
    const server = await songServer(t);
    const { options } = network(server, [['127.0.0.1', '10.0.0.1']]);
    assert.equal(
      codeOf(await fetchWhole(url, withoutOverrides(server), options)),
      'address_not_public',
    );
  });

  test('is asked for once a connection, so that no second answer slips in behind the check', async (t) => {
    const server = await songServer(t);
    const { asked, options } = network(server, [['127.0.0.1'], ['127.0.0.2']]);
    assert.equal(codeOf(await fetchWhole(url, withoutOverrides(server), options)), '4 bytes');
    assert.equal(asked.length, 1);
  });

  test('is checked again when it changes between two connections', async (t) => {
    const server = await songServer(t);
    const { asked, options } = network(server, [['127.0.0.1'], ['127.0.0.2']]);
    const provider = createProvider({ timeout: 10_000, ca: server.ca, ...options });
    t.onTestFinished(() => provider.close());
    const signal = new AbortController().signal;
    for await (const _ of (await provider.open(url, policy, signal)).body);
    await assert.rejects(provider.open(url, policy, signal), { code: 'address_not_public' });
    assert.deepEqual(asked, [host, host]);
    assert.equal(server.requests.length, 1);
  });

  test('is checked once more on the connection itself', async (t) => {
    const server = await songServer(t);
    const { options } = network(server, [['127.0.0.1']]);
    const verdicts = [true, false];
    options.network.isPublic = () => verdicts.shift() ?? false;
    const result = await fetchWhole(url, withoutOverrides(server), options);
    assert.equal(codeOf(result), 'address_not_public');
    assert.equal(server.requests.length, 0);
  });

  test('of the real DNS is refused where it is this machine', async (t) => {
    const server = await songServer(t);
    const result = await fetchWhole('https://localhost/', withoutOverrides(server), {
      allowedHosts: ['localhost'],
    });
    assert.equal(codeOf(result), 'address_not_public');
  });
});

describe('a redirect', () => {
  const redirecting = (
    t: Parameters<typeof httpsServer>[0],
    to: (path: string) => string | undefined,
  ) =>
    httpsServer(t, [host, 'second.example'], (request, response) => {
      const location = to(request.url ?? '');
      if (location === undefined) response.end('song');
      else response.writeHead(302, location === '' ? {} : { location }).end('moved');
    });

  test('to a relative address and to another allowed host is followed', async (t) => {
    const hops: Record<string, string> = {
      '/song.mp3': '/next',
      '/next': 'https://second.example/x',
    };
    const server = await redirecting(t, (path) => hops[path]);
    const result = await fetchWhole(url, server, { allowedHosts: [host, 'second.example'] });
    assert.equal('host' in result && result.host, 'second.example');
    assert.equal(server.requests.length, 3);
  });

  for (const [to, code] of [
    ['https://second.example/x', 'host_not_allowed'],
    [`http://${host}/x`, 'url_invalid'],
    [`https://${host}:444/x`, 'url_invalid'],
    [`https://user:password@${host}/x`, 'url_invalid'],
    ['https://169.254.169.254/latest/meta-data', 'address_not_public'],
    ['https://[::1]/', 'address_not_public'],
    ['https://', 'redirect_limit'],
    ['', 'redirect_limit'],
    ['/song.mp3', 'redirect_limit'],
    ['#top', 'redirect_limit'],
  ] as const) {
    test(`to ${JSON.stringify(to)} is ${code}, and asks nobody further`, async (t) => {
      const server = await redirecting(t, () => to);
      assert.equal(codeOf(await fetchWhole(url, server)), code);
      assert.equal(server.requests.length, 1);
    });
  }

  test('in a circle is found out', async (t) => {
    const server = await redirecting(t, (path) => (path === '/a' ? '/song.mp3' : '/a'));
    assert.equal(codeOf(await fetchWhole(url, server)), 'redirect_limit');
    assert.equal(server.requests.length, 2);
  });

  test('is followed five times and no more', async (t) => {
    const server = await redirecting(t, (path) => `${path}x`);
    assert.equal(codeOf(await fetchWhole(url, server)), 'redirect_limit');
    assert.equal(server.requests.length, maxRedirects + 1);
  });
});
