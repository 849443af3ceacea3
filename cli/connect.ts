import { Command, CommanderError } from 'commander';
import { describeError } from '../core/describe-error.ts';
import { ConfigurationError } from '../core/environment.ts';
import type { Line } from './connect/connect.ts';
import type { CheckResult } from './connect/doctor.ts';
import { type GivenOptions, parseOptions } from './connect/options.ts';
import { createRedact, passwordsOf } from './connect/redact.ts';
import { openAws, runCheck, runConnect } from './connect/run.ts';
import { plain } from './plain.ts';
import { showPreflight } from './preflight/show.ts';

const after = `
Needs AWS credentials and a Region as the AWS CLI does, and, the first time, the Supabase secret key in
SUPABASE_SECRET_KEY (or SUPABASE_SERVICE_ROLE_KEY). Safe to run again: it does only what is missing. Use the
direct connection of the database or the session pooler (port 5432). Secrets are never printed.

Exit codes: 0 all is well; 1 a step or a check failed; 2 it could not begin: something given is missing or wrong.`;

const program = new Command('npm run connect --')
  .description('Connects the deployed stack and the Supabase project, or checks that they are.')
  .option('--database-url <url>', 'the database, as role postgres (default: $SUPABASE_DB_URL)')
  .option('--stack <name>', 'name of the deployed stack', 'track-archiver')
  .option(
    '--webhook-url <url>',
    'where to post instead of the function URL, e.g. a domain of yours',
  )
  .option('--archive-tracks-url <url>', 'likewise, of archive-tracks; only looked at by --check')
  .option('--supabase-url <url>', 'how AWS reaches Supabase, where not as the stack has it')
  .option('--dry-run', 'shows what would be done and changes nothing', false)
  .option(
    '--check',
    'only checks whether everything is right, and shows how to fix what is not',
    false,
  )
  .option('--force', 'goes on although preflight found problems', false)
  .option('--json', 'prints one JSON object instead of lines', false)
  .addHelpText('after', after)
  .exitOverride();

interface Flags extends GivenOptions {
  dryRun: boolean;
  force: boolean;
  check: boolean;
  json: boolean;
}

const marks = { done: '✓', would: '→ would', skipped: '-', failed: '✗' } as const;
const showLine = ({ outcome, title, detail, notices = [] }: Line): string =>
  [
    `${marks[outcome]} ${title}${detail === undefined ? '' : `: ${plain(detail, 2000)}`}`,
    ...notices.map((notice) => `    ! ${plain(notice, 2000)}`),
  ].join('\n');
const showResult = ({ ok, level, name, detail, fix }: CheckResult): string =>
  `${level === 'warning' ? '!' : ok ? '✓' : '✗'} ${name}: ${detail
    .split('\n')
    .map((line) => plain(line, 2000))
    .join('\n    ')}${fix === undefined ? '' : `\n    fix: ${fix}`}`;

async function main(): Promise<number> {
  const flags = program.parse().opts<Flags>();
  const given = flags.databaseUrl ?? process.env.SUPABASE_DB_URL;
  const redact = createRedact([
    process.env.SUPABASE_SECRET_KEY,
    process.env.SUPABASE_SERVICE_ROLE_KEY,
    ...(given === undefined ? [] : passwordsOf(given)),
  ]);
  const print = (text: string) => console.log(redact(text));
  try {
    const options = parseOptions(flags, process.env);
    const aws = await openAws(options.stack);
    const show = (text: string) => (flags.json ? undefined : print(text));
    const report = flags.check
      ? await runCheck(options, aws, (result) => show(showResult(result)))
      : await runConnect({ ...options, isDryRun: flags.dryRun, isForced: flags.force }, aws, {
          onLine: (line) => show(showLine(line)),
          onPreflight: (result) => show(showPreflight(result)),
          note: (text) => (flags.json ? undefined : console.error(redact(text))),
        });
    if (flags.json) print(JSON.stringify(report, null, 2));
    return report.ok ? 0 : 1;
  } catch (error) {
    const isOurs = !(error instanceof Error) || error instanceof ConfigurationError;
    const text = isOurs ? describeError(error) : `${error.name}: ${describeError(error)}`;
    if (flags.json) print(JSON.stringify({ ok: false, error: text }));
    else console.error(redact(text));
    return 2;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed what it has to say: 0 for --help.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
