import type { Telemetry } from '../../adapters/telemetry.ts';

/** Telemetry that goes nowhere. */
export const quiet: Telemetry = {
  log: { info() {}, warn() {}, error() {} },
  count() {},
  invocation: (_, run) => run(),
};
