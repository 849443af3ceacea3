import { ConfigurationError } from '../../core/environment.ts';
import { advise } from './advice.ts';
import { type DlqContext, openDlqContext } from './context.ts';
import { type GivenOptions, type Options, parseOptions } from './options.ts';
import { createOutput, type Output } from './output.ts';
import { exitCodes } from './report.ts';

/** What every command of the dead-letter queues works with. */
export interface CommandContext extends DlqContext {
  options: Options;
  given: GivenOptions;
  output: Output;
  /** Aborted by Ctrl-C or SIGTERM; every further one changes nothing, npx sends it twice. */
  signal: AbortSignal;
}

/** Runs a command and returns its exit code; what goes wrong is printed with what to do about it. */
export async function runCommand(
  given: GivenOptions,
  run: (context: CommandContext) => Promise<number>,
): Promise<number> {
  const { env } = process;
  const output = createOutput(given.json ?? false, [
    env.SUPABASE_SECRET_KEY,
    env.SUPABASE_SERVICE_ROLE_KEY,
    // Those of an emulator are words such as `test`.
    ...[env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN].filter((text = '') => text.length > 16),
  ]);
  const interrupt = new AbortController();
  const { signal } = interrupt;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (!signal.aborted) output.note('Interrupted: ending when what is in hand is done …');
      interrupt.abort();
    });
  }
  let hasBegun = false;
  try {
    const options = parseOptions(given, env);
    const queues = await openDlqContext(options);
    hasBegun = true;
    return await run({ ...queues, options, given, output, signal });
  } catch (error) {
    const text = `${messageOf(error)}${await advise(error)}`;
    output.result({ ok: false, error: text });
    if (!output.json) output.note(text);
    return hasBegun && !(error instanceof ConfigurationError) ? exitCodes.left : exitCodes.usage;
  }
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message } = error;
  return error instanceof ConfigurationError || name === 'Error' ? message : `${name}: ${message}`;
}

/** Says once that the database could not be asked, and what is missing because of it. */
export function noteDatabase({ lookup, output }: Pick<CommandContext, 'lookup' | 'output'>): void {
  const problem = lookup.problem();
  if (problem === undefined) return;
  output.note(
    `The database was not asked (${problem}): titles, deadlines and states are missing, and the codes of messages that SQS moved itself.`,
  );
}
