/** Vitest's command line for `npm test` and its like: a mistyped option is one clear line. */
import { createCLI } from 'vitest/node';

const usage = `Usage: npm test -- [PART OF A PATH …] [-t NAME] [options of Vitest]
  npm test                    all fast tests, once
  npm test -- webhook         those in files whose path contains "webhook"
  npm test -- -t 'a sentence' those whose name contains it
  npx vitest                  again whenever a file changes; npx vitest --help lists all options
  npm run test:slow           the slow tests, filtered in the same way
  npm run test:coverage       the fast tests, with coverage in .local/coverage`;

const parameters = process.argv.slice(2);
if (parameters.includes('--help') || parameters.includes('-h')) {
  console.log(usage);
} else {
  const cli = createCLI();
  cli.parse(['node', 'vitest', 'run', ...parameters], { run: false });
  try {
    cli.matchedCommand?.checkUnknownOptions();
    cli.matchedCommand?.checkOptionValue();
  } catch (error) {
    console.error(`${(error as Error).message}. Try: npm test -- --help`);
    process.exit(2);
  }
  await cli.runMatchedCommand();
}
