import { assetKinds } from '../../core/assets.ts';
import type { FailureCode } from '../../core/failure.ts';
import type { Behaviour } from '../../local/provider/behaviour.ts';
import type { Provider } from '../../local/provider/server.ts';
import { content } from './content.ts';
import { isOut, type Outage } from './disturbances.ts';
import type { PlannedFile, PlannedTrack, Sources } from './tracks.ts';

/** What the provider did at each address: the failures that it is to blame for, and how often it served the whole. */
export interface Served {
  blame(url: string): ReadonlySet<FailureCode>;
  wholes(url: string): number;
}

export const bytesOf = ({ file, bytes, url }: PlannedFile): Buffer => content(file, url, bytes);

export const filesOf = (sources: Sources): PlannedFile[] =>
  assetKinds
    .map((kind) => sources[kind])
    .filter((file) => file !== null && typeof file === 'object');

const outage = (resets: boolean): { code: FailureCode; behaviour: Behaviour } =>
  resets
    ? {
        code: 'provider_reset',
        behaviour: { kind: 'flaky', failures: Number.POSITIVE_INFINITY, by: 'reset' },
      }
    : { code: 'provider_unavailable', behaviour: { kind: 'status', status: 503 } };

/** Puts up every file of the plan: with its fault, out of reach during an outage, gone after the deadline. */
export function serveAll(
  provider: Provider,
  tracks: readonly PlannedTrack[],
  outages: readonly Outage[],
  now: () => number,
): Served {
  const blamed = new Map<string, Set<FailureCode>>();
  const wholes = new Map<string, number>();

  function blame(url: string, code: FailureCode, behaviour: Behaviour): Behaviour {
    const codes = blamed.get(url) ?? new Set();
    blamed.set(url, codes.add(code));
    return behaviour;
  }

  function serve(planned: PlannedFile, deadline: number): void {
    const { url, fault, chunked } = planned;
    const host = new URL(url).hostname as Outage['of'];
    let faults = 0;
    const behaviour = (): Behaviour => {
      if (now() >= deadline) return blame(url, 'provider_gone', { kind: 'status', status: 410 });
      const out = isOut(outages, host, now());
      if (out !== undefined) {
        const { code, behaviour } = outage(out.resets);
        return blame(url, code, behaviour);
      }
      if (fault !== undefined && faults < fault.requests) {
        faults += 1;
        return blame(url, fault.code, fault.behaviour);
      }
      wholes.set(url, (wholes.get(url) ?? 0) + 1);
      return { kind: chunked ? 'chunked' : 'ok' };
    };
    provider.serve(url, () => bytesOf(planned), behaviour);
  }

  for (const { sources, deadline } of tracks) {
    for (const file of new Set(sources.flatMap(filesOf))) serve(file, deadline);
  }
  return {
    blame: (url) => blamed.get(url) ?? new Set(),
    wholes: (url) => wholes.get(url) ?? 0,
  };
}
