import type { TestContext } from 'node:test';
import { type InterceptingProxy, startInterceptingProxy } from '../../local/intercepting-proxy.ts';

export type { Intercept, InterceptingProxy } from '../../local/intercepting-proxy.ts';

/** An http proxy before `target`, to make it misbehave; closed after the test. */
export async function startProxy(
  t: Pick<TestContext, 'after'>,
  target: string,
): Promise<InterceptingProxy> {
  const proxy = await startInterceptingProxy(target);
  t.after(proxy.stop);
  return proxy;
}
