import { type InterceptingProxy, startInterceptingProxy } from '../../local/intercepting-proxy.ts';
import type { Cleanup } from './cleanup.ts';

export type { Intercept, InterceptingProxy } from '../../local/intercepting-proxy.ts';

/** An http proxy before `target`, to make it misbehave; closed after the test. */
export async function startProxy(t: Cleanup, target: string): Promise<InterceptingProxy> {
  const proxy = await startInterceptingProxy(target);
  t.onTestFinished(proxy.stop);
  return proxy;
}
