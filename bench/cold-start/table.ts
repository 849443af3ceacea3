import { median } from '../median.ts';
import type { Bundle } from './bundles.ts';
import type { ColdStart } from './measure.ts';

/** A Lambda has one vCPU at 1,769 MB and, in proportion, a share of one below (AWS Lambda Developer Guide, "Configure memory"). */
const shareAt512 = 512 / 1769;

export interface Phase {
  /** Milliseconds of processor time, the median. */
  cpu: number;
  /** As a multiple of what Node alone takes to start. */
  timesNode: number;
  /** Milliseconds that this much work takes at 512 MB, if Lambda's core is as fast as this one. */
  at512: number;
}
export interface Row {
  title: string;
  bytes: number;
  load: Phase;
  /** Undefined: this Lambda was given no webhook. */
  first: Phase | undefined;
}

export function rowOf(bundle: Bundle, starts: ColdStart[], node: number): Row {
  const phase = (name: 'load' | 'first'): Phase => {
    const cpu = median(starts.map((start) => start[name]));
    return { cpu, timesNode: cpu / node, at512: cpu / shareAt512 };
  };
  const { title, bytes, takesWebhook } = bundle;
  return { title, bytes, load: phase('load'), first: takesWebhook ? phase('first') : undefined };
}

const cells = (phase: Phase | undefined): string[] =>
  phase === undefined
    ? ['', '', '']
    : [phase.cpu.toFixed(1), phase.timesNode.toFixed(2), phase.at512.toFixed(0)];

const line = (title: string, rest: string[]): string =>
  [title.padEnd(28), ...rest.map((cell) => cell.padStart(9))].join('').trimEnd();

/** The rows for a reader, in lines of at most 91 columns. */
export const table = (rows: Row[], node: number, rounds: number): string =>
  [
    `Medians of ${rounds} processes each. Node alone starts in ${node.toFixed(1)} ms of processor time.`,
    '',
    line('', ['', 'loading', '', '', 'first', 'webhook']),
    line('bundle', ['bytes', 'CPU ms', '× Node', 'at 512', 'CPU ms', '× Node', 'at 512']),
    ...rows.map(({ title, bytes, load, first }) =>
      line(title, [String(bytes), ...cells(load), ...cells(first)]),
    ),
    '',
    'at 512: milliseconds at 512 MB, where a Lambda has 0.29 of a vCPU, if its core is as fast as this one.',
  ].join('\n');
