import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createProvider } from '../../adapters/provider/provider.ts';
import { codeOf, fetchWhole, host, policy } from '../adapters/provider/open.ts';
import { files } from '../lambdas/tracks.ts';
import { httpsServer } from '../support/https-server.ts';
import { byteServer, http2Server } from './servers.ts';

const url = `https://${host}/song.mp3`;
const song = files.audio;
const whole = `${song.length} bytes`;

describe('situation 5: a Location is followed', () => {
  for (const [what, sent, path] of [
    ['in raw UTF-8', '/песня – ä.mp3', '/%D0%BF%D0%B5%D1%81%D0%BD%D1%8F%20%E2%80%93%20%C3%A4.mp3'],
    ['in raw UTF-8, absolute', `https://${host}/歌?名=曲`, '/%E6%AD%8C?%E5%90%8D=%E6%9B%B2'],
    ['in percent signs', '/%D0%BF.mp3', '/%D0%BF.mp3'],
    ['in Latin-1', Buffer.from('/\xe4.mp3', 'latin1'), '/%C3%A4.mp3'],
  ] as const) {
    test(what, async (t) => {
      const paths: string[] = [];
      const server = await httpsServer(t, [host], ({ url: asked = '' }, response) => {
        paths.push(asked);
        if (asked === path) return void response.end(song);
        const value = Buffer.from(sent as string);
        response.socket?.end(
          Buffer.concat([
            Buffer.from('HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: '),
            value,
            Buffer.from('\r\n\r\n'),
          ]),
        );
      });
      assert.equal(codeOf(await fetchWhole(url, server)), whole, paths.join(' '));
    });
  }
});

describe('situation 6: a 206 that nobody asked for', () => {
  const end = song.length - 1;
  for (const [range, body, expected] of [
    [`bytes 0-${end}/${song.length}`, song, whole],
    [`Bytes  0-${end}/${song.length}`, song, whole],
    [`bytes 0-999/${song.length}`, song.subarray(0, 1000), 'provider_refused'],
    [`bytes 1-${end}/${song.length}`, song.subarray(1), 'provider_refused'],
    [`bytes 0-${end}/*`, song, 'provider_refused'],
    [`bytes 0-${end}/${song.length}`, song.subarray(0, 1000), 'provider_refused'],
    [undefined, song, 'provider_refused'],
  ] as const) {
    test(`${range} with ${body.length} bytes: ${expected}`, async (t) => {
      const server = await httpsServer(t, [host], (_, response) => {
        const headers = { 'content-length': body.length };
        response.writeHead(
          206,
          range === undefined ? headers : { ...headers, 'content-range': range },
        );
        response.end(body);
      });
      assert.equal(codeOf(await fetchWhole(url, server)), expected);
    });
  }

  test('has the length of its range where it is chunked', async (t) => {
    const server = await httpsServer(t, [host], (_, response) => {
      response.writeHead(206, { 'content-range': `bytes 0-${end}/${song.length}` });
      response.write(song.subarray(0, 1000));
      response.end();
    });
    const result = await fetchWhole(url, server);
    assert.equal('length' in result && result.length, song.length);
  });
});

describe('situation 7: heads that a strict parser refuses', () => {
  const length = `content-length: ${song.length}\r\n`;
  for (const [what, head] of [
    ['an unasked 100 Continue', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${length}\r\n`],
    [
      'several interim responses',
      `HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\n${length}\r\n`,
    ],
    ['two equal lengths', `HTTP/1.1 200 OK\r\n${length}x: y\r\nContent-${length.slice(8)}\r\n`],
    [
      'equal lengths in one line',
      `HTTP/1.1 200 OK\r\ncontent-length: ${song.length}, ${song.length}\r\n\r\n`,
    ],
    [
      'a 100 Continue before two equal lengths',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${length}${length}\r\n`,
    ],
    [
      '20 KB of headers',
      `HTTP/1.1 200 OK\r\n${length}${`x-cookie: ${'y'.repeat(1000)}\r\n`.repeat(20)}\r\n`,
    ],
    [
      '64 KB of headers',
      `HTTP/1.1 200 OK\r\n${length}${`x-cookie: ${'y'.repeat(1014)}\r\n`.repeat(64)}\r\n`,
    ],
    ['64 KB in one header', `HTTP/1.1 200 OK\r\n${length}x: ${'y'.repeat(65_536)}\r\n\r\n`],
  ] as const) {
    test(`${what}: the file arrives, in one piece or in many`, async (t) => {
      const bytes = Buffer.concat([Buffer.from(head), song]);
      const server = await byteServer(t, (socket, count) => {
        if (count === 1) return void socket.write(bytes);
        const cut = head.length - 3;
        socket.write(bytes.subarray(0, cut));
        setImmediate(() => socket.write(bytes.subarray(cut)));
      });
      for (let turn = 1; turn <= 2; turn++) {
        const result = await fetchWhole(url, server);
        assert.ok('bytes' in result, codeOf(result));
        assert.ok(result.bytes.equals(song));
        assert.equal(result.length, song.length);
      }
    });
  }

  test('two lengths that differ are refused', async (t) => {
    const server = await byteServer(t, (socket) => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nsong!');
    });
    assert.match(codeOf(await fetchWhole(url, server)), /^provider_(reset|overlong)$/);
  });

  test('what was wrong with a head does not count as bytes behind the file', async (t) => {
    const server = await byteServer(t, (socket) => {
      socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${length}\r\n`);
      socket.write(song);
    });
    const provider = createProvider({ timeout: 10_000, ...server });
    t.onTestFinished(() => provider.close());
    const file = await provider.open(url, policy, new AbortController().signal);
    assert.equal((await file.body.toArray()).length > 0, true);
    assert.equal(file.isOverlong(), false);
    file.close();
  });
});

describe('situation 8: a host that speaks HTTP/2 only', () => {
  test('is asked in HTTP/2', async (t) => {
    const server = await http2Server(t, song);
    const result = await fetchWhole(url, server);
    assert.ok('bytes' in result, codeOf(result));
    assert.ok(result.bytes.equals(song));
    assert.equal(result.length, song.length);
  });

  test('is no way around the check of its address', async (t) => {
    const server = await http2Server(t, song);
    const port = server.overrides.get(host)?.port ?? 0;
    const lookup = (_: string, __: object, callback: (...found: unknown[]) => void) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    const decisions = [true, true, false];
    const network = { lookup, isPublic: () => decisions.shift() ?? false, port } as never;
    const result = await fetchWhole(url, { ca: server.ca, overrides: new Map() }, { network });
    assert.equal(codeOf(result), 'address_not_public');
  });
});

describe('situation 10: a first byte that takes its time', () => {
  const slowly = (t: Parameters<typeof httpsServer>[0], isHead: boolean) =>
    httpsServer(t, [host], (_, response) => {
      if (!isHead) response.writeHead(200, { 'content-length': song.length }).flushHeaders();
      setTimeout(() => response.end(song), 1200);
    });
  const ask = async (t: Parameters<typeof httpsServer>[0], isHead: boolean, isRetry: boolean) => {
    const provider = createProvider({ timeout: 600, ...(await slowly(t, isHead)) });
    t.onTestFinished(() => provider.close());
    const signal = new AbortController().signal;
    const file = await provider.open(url, { ...policy, isRetry }, signal);
    return Buffer.concat(
      await file.body.toArray().catch((error) => Promise.reject(file.failure(error))),
    );
  };

  test('is waited for longer at the second try', async (t) => {
    await assert.rejects(ask(t, true, false), { code: 'provider_timeout' });
    assert.ok((await ask(t, true, true)).equals(song));
    await assert.rejects(ask(t, false, false), { code: 'provider_stalled' });
    assert.ok((await ask(t, false, true)).equals(song));
  });
});
