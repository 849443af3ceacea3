import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** Answers a request itself and says true, or says false and lets it pass on; may take its time. */
export type Intercept = (
  request: IncomingMessage,
  response: ServerResponse,
) => boolean | Promise<boolean>;

export interface InterceptingProxy {
  url: string;
  /** Decides about every further request; passes everything on at first. */
  intercept: Intercept;
  /** `METHOD /path` of every request that was passed on. */
  passed: string[];
}

/** An http proxy before `target`, to make it misbehave; closed after the test. */
export async function startProxy(
  t: Pick<TestContext, 'after'>,
  target: string,
): Promise<InterceptingProxy> {
  const proxy: InterceptingProxy = { url: '', intercept: () => false, passed: [] };
  const server = createServer(async (incoming, response) => {
    if (await proxy.intercept(incoming, response)) return;
    const { method = 'GET', url = '/', headers } = incoming;
    proxy.passed.push(`${method} ${url}`);
    const onward = request(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
