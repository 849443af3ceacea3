import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuildOptions, build } from 'esbuild';

const root = import.meta.dirname;

/** CommonJS dependencies call `require`, which an ES module does not have. */
const banner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** The names of all Lambdas: the folders beside this file that have a `handler.ts`. */
export async function lambdaNames(): Promise<string[]> {
  const handlers = await readdir(root, { recursive: true });
  return handlers
    .filter((file) => /^[^/\\]+[/\\]handler\.ts$/.test(file))
    .map((file) => file.split(/[/\\]/, 1)[0] ?? file)
    .sort();
}

/** How a Lambda is built: for Node 24 on Lambda, in one file that needs nothing beside it. */
export const buildOptions = (entry: string, outfile: string): BuildOptions => ({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: true,
  sourcemap: 'external',
  legalComments: 'none',
  logLevel: 'error',
  absWorkingDir: join(root, '..'),
  banner: { js: banner },
});

/**
 * Bundles Lambdas into `<outdir>/<name>/index.mjs`, the same bytes for the local stack and for the
 * deployment, with the AWS SDK inside: the version that was tested, not the one that the runtime has.
 * The source map lies beside it and is not referred to.
 * Returns the bundle file of each name; rejects if a source does not build.
 */
export async function bundle(
  names?: string[],
  outdir: string = join(root, '..', 'dist'),
): Promise<Record<string, string>> {
  const chosen = names ?? (await lambdaNames());
  const files = chosen.map((name) => [name, join(outdir, name, 'index.mjs')] as const);
  await Promise.all(
    files.map(([name, outfile]) => build(buildOptions(join(root, name, 'handler.ts'), outfile))),
  );
  return Object.fromEntries(files);
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const files = await bundle(positionals.length > 0 ? positionals : undefined);
  const rows = await Promise.all(
    Object.entries(files).map(async ([name, file]) => ({
      name,
      file: relative(process.cwd(), file),
      bytes: (await stat(file)).size,
    })),
  );
  if (values.json) console.log(JSON.stringify(rows));
  else for (const row of rows) console.log(`${row.name}  ${row.file}  ${row.bytes} bytes`);
}
