import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { describe, type TestContext, test } from 'vitest';
import { codeOf, fetchWhole, host } from '../adapters/provider/open.ts';
import { type HttpsServer, httpsServer } from '../support/https-server.ts';
import { trying } from './fuzz.ts';
import { oddIpv4, privateIpv4, privateIpv6, wrappedIpv4 } from './notations.ts';

const url = `https://${host}/song.mp3`;
/** Hosts of attackers; the server answers for them, too, should anybody be led there. */
const strangers = [`${host}.evil.example`, `evil${host}`, 'evil.example'];

/** Serves the song at every address but the first, which `answer` answers. */
const leading = (t: TestContext, answer: (response: ServerResponse) => void) =>
  httpsServer(t, [host, ...strangers], (request, response) => {
    if (request.url === '/song.mp3') answer(response);
    else response.end('song');
  });

/** The code of a fetch that asked nobody but the first address. */
async function refusal(server: HttpsServer): Promise<string> {
  server.requests.length = 0;
  const code = codeOf(await fetchWhole(url, server));
  assert.equal(server.requests.length, 1);
  return code;
}

describe('a redirect', () => {
  for (const [to, code] of [
    ['//169.254.169.254/latest/meta-data/', 'address_not_public'],
    ['///169.254.169.254/', 'address_not_public'],
    ['\\\\169.254.169.254\\latest', 'address_not_public'],
    ['/\\169.254.169.254/', 'address_not_public'],
    ['https://2852039166/', 'address_not_public'],
    ['https://[::ffff:a9fe:a9fe]/', 'address_not_public'],
    ['https://localhost/', 'host_not_allowed'],
    ['//evil.example/x', 'host_not_allowed'],
    [`https://${host}.evil.example/x`, 'host_not_allowed'],
    [`https://evil${host}/x`, 'host_not_allowed'],
    [`https://evil.example/${host}`, 'host_not_allowed'],
    [`https://evil.example\\@${host}/x`, 'host_not_allowed'],
    [`https://${host}@evil.example/x`, 'url_invalid'],
    [`//user:password@${host}/x`, 'url_invalid'],
    [`//${host}:8443/x`, 'url_invalid'],
    [`http://${host}/x`, 'url_invalid'],
    [`HTTP://${host}/x`, 'url_invalid'],
    ['file:///etc/passwd', 'url_invalid'],
    ['data:audio/mpeg;base64,AAAA', 'url_invalid'],
    ['gopher://evil.example/', 'url_invalid'],
    ['javascript:1', 'url_invalid'],
    ['https://%00/', 'redirect_limit'],
    [`https://${host}:99999/`, 'redirect_limit'],
  ] as const) {
    test(`to ${to} is ${code}, and nobody is asked`, async (t) => {
      const server = await leading(t, (response) =>
        response.writeHead(302, { location: to }).end(),
      );
      assert.equal(await refusal(server), code);
    });
  }

  test('of every status to a private address in any notation is refused, and nobody is asked', async (t) => {
    let answer = { status: 302, location: '' };
    const server = await leading(t, (response) =>
      response.writeHead(answer.status, { location: answer.location }).end(),
    );
    const address = fc.oneof(
      // A header carries bytes only.
      privateIpv4
        .chain(oddIpv4)
        .map(encodeURI)
        .map((text) => text.replaceAll('%25', '%')),
      privateIpv4.chain(wrappedIpv4).map((text) => `[${text}]`),
      privateIpv6.map((text) => `[${text}]`),
    );
    const scheme = fc.constantFrom('https://', '//', '///', '\\\\', `https://${host}@`);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(301, 302, 303, 307, 308),
        fc.tuple(scheme, address).map((parts) => parts.join('')),
        async (status, location) => {
          answer = { status, location };
          const code = await refusal(server);
          assert.ok(['address_not_public', 'url_invalid'].includes(code), `${location} ${code}`);
        },
      ),
      trying(100),
    );
  });
});

describe('what is no redirect', () => {
  for (const status of [200, 201, 300, 304, 305, 306, 399, 418]) {
    test(`leads nowhere: a Location with ${status}`, async (t) => {
      const server = await leading(t, (response) =>
        response.writeHead(status, { location: `https://${host}/next` }).end(),
      );
      await refusal(server);
    });
  }

  test('leads nowhere: headers that browsers and proxies follow', async (t) => {
    const next = `https://${host}/next`;
    const server = await leading(t, (response) =>
      response
        .writeHead(200, {
          refresh: `0; url=${next}`,
          link: `<${next}>; rel="preload"`,
          'content-location': next,
          'alt-svc': 'h2="evil.example:443"',
        })
        .end(`<meta http-equiv="refresh" content="0; url=${next}">`),
    );
    assert.match(await refusal(server), /^\d+ bytes$/);
  });
});
