import { withDatabase } from '../adapters/database/connection.ts';
import { createReader } from '../adapters/database/reader.ts';
import { describeError } from '../core/describe-error.ts';
import { ConfigurationError } from '../core/environment.ts';
import { databaseUrlProblem } from './connect/options.ts';
import { passwordsOf } from './connect/redact.ts';
import { createOutput } from './dlq/output.ts';
import { exitCodes } from './dlq/report.ts';
import { runPreflight } from './preflight/run.ts';
import { showPreflight } from './preflight/show.ts';

export interface PreflightOptions {
  databaseUrl?: string;
  json?: boolean;
}

export const preflightHelp = `
Reads only, in transactions that can write nothing, and needs no AWS. A large table is read in part: numbers then begin
with "about", and what is rare may be missed. Use the direct connection of the database or the session pooler (port
5432), as role postgres. --json prints {ok, checks: [{name, level, summary, fix, details}], tracks, share, isInstalled};
level is ok, warning or problem, fix and details are there where there is something to say.

Exit codes: 0 it fits, perhaps with warnings; 1 there are problems: connecting would go wrong, or would archive
nothing; 2 it could not look: something given is missing or wrong, or the database does not answer.`;

/** Says what the app is and what would become of its tracks; resolves to the exit code. */
export async function preflight(given: PreflightOptions): Promise<number> {
  const url = given.databaseUrl ?? process.env.SUPABASE_DB_URL;
  const output = createOutput(given.json ?? false, url === undefined ? [] : passwordsOf(url));
  try {
    if (url === undefined) {
      throw new ConfigurationError('--database-url: is missing, here or in SUPABASE_DB_URL');
    }
    const wrong = databaseUrlProblem(url);
    if (wrong !== undefined) throw new ConfigurationError(`--database-url: ${wrong}`);
    const report = await withDatabase(url, (client) =>
      runPreflight(createReader(client), {
        note: output.note,
        onResult: (result) => output.say(showPreflight(result)),
      }),
    );
    output.result(report);
    return report.ok ? exitCodes.done : exitCodes.left;
  } catch (error) {
    const text = describeError(error);
    output.result({ ok: false, error: text });
    if (!output.json) output.note(text);
    return exitCodes.usage;
  }
}
