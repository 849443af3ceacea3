import { ArchiveFailure } from '../core/failure.ts';

/** The time that one invocation, or one claim within it, may still use. */
export interface Budget {
  /** Milliseconds of work left. */
  remaining: () => number;
  /** Fires when nothing is left, with `out_of_time` as its reason. */
  signal: AbortSignal;
}

/**
 * A budget of `milliseconds` from now, cut short with `outer` where there is one. `end` must be called,
 * or its timer keeps running.
 */
export function startBudget(milliseconds: number, outer?: Budget): Budget & { end: () => void } {
  const controller = new AbortController();
  const started = performance.now();
  const own = () => milliseconds - (performance.now() - started);
  const timer = setTimeout(
    () => controller.abort(new ArchiveFailure('out_of_time', 'The time for this copy is used up')),
    Math.max(0, milliseconds),
  );
  return {
    remaining: () => Math.max(0, Math.min(own(), outer?.remaining() ?? Number.POSITIVE_INFINITY)),
    signal:
      outer === undefined ? controller.signal : AbortSignal.any([controller.signal, outer.signal]),
    end: () => clearTimeout(timer),
  };
}
