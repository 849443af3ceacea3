import { createRedact } from '../connect/redact.ts';

/** Results go to stdout, what is said on the way to stderr. Secrets are taken out of both. */
export interface Output {
  json: boolean;
  /** Lines for a person; nothing with `json`. */
  say(text: string): void;
  /** The one JSON object; nothing without `json`. */
  result(value: object): void;
  note(text: string): void;
  /** How far it is; rewritten on a terminal, a line for each tenth elsewhere. */
  progress(what: string, done: number, total: number): void;
}

export function createOutput(json: boolean, secrets: (string | undefined)[]): Output {
  const redact = createRedact(secrets);
  const { stdout, stderr } = process;
  const line = (stream: NodeJS.WriteStream, text: string) => stream.write(`${redact(text)}\n`);
  let tenth = '';
  let isOpen = false;
  const closeLine = () => {
    if (isOpen) stderr.write('\n');
    isOpen = false;
  };
  return {
    json,
    say(text) {
      closeLine();
      if (!json) line(stdout, text);
    },
    result(value) {
      closeLine();
      if (json) line(stdout, JSON.stringify(value, null, 2));
    },
    note(text) {
      closeLine();
      line(stderr, text);
    },
    progress(what, done, total) {
      const text = `${what}: ${done} of ${total}`;
      if (stderr.isTTY) {
        stderr.write(`\r\x1b[K${redact(text)}`);
        isOpen = true;
        return;
      }
      const reached = `${what} ${Math.floor((10 * done) / Math.max(total, 1))}`;
      if (reached !== tenth && done > 0) line(stderr, text);
      tenth = reached;
    },
  };
}
