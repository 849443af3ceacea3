import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createProvider, type Provider, type SourceFile } from '../adapters/provider/provider.ts';
import { type Inspection, inspectSource } from '../app/inspect-source.ts';
import { type AssetKind, assetKinds } from '../core/assets.ts';
import { classify } from '../core/failure.ts';

export interface InspectOptions {
  as: string;
  json?: boolean;
}

const exitCodes = { accepted: 0, refused: 1, usage: 2 } as const;
const patience = 60_000;

/** Prints a line for each source; the exit code says whether all of them would be archived. */
export async function inspect(
  sources: readonly string[],
  options: InspectOptions,
): Promise<number> {
  const kind = assetKinds.find((known) => known === options.as);
  if (kind === undefined) {
    process.stderr.write(`--as: must be ${assetKinds.join(', ')}\n`);
    return exitCodes.usage;
  }
  const provider = createProvider({ timeout: patience });
  let code: number = exitCodes.accepted;
  try {
    for (const source of sources) {
      if (!isUrl(source) && !(await isFile(source))) {
        process.stderr.write(`${source}: there is no such file\n`);
        code = exitCodes.usage;
        continue;
      }
      const found = await inspectSource(kind, () => openSource(source, provider));
      const line = { source, slot: kind, ...found };
      process.stdout.write(
        `${options.json ? JSON.stringify(line) : describe(source, kind, found)}\n`,
      );
      if (found.outcome === 'refused' && code === exitCodes.accepted) code = exitCodes.refused;
    }
  } finally {
    await provider.close();
  }
  return code;
}

const isUrl = (source: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(source);
const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

async function openSource(source: string, provider: Provider): Promise<SourceFile> {
  if (!isUrl(source)) return await openFile(source);
  const policy = { allowedHosts: [URL.parse(source)?.hostname ?? ''], userAgent: null };
  return await provider.open(source, policy, new AbortController().signal);
}

async function openFile(path: string): Promise<SourceFile> {
  const body = createReadStream(path);
  return {
    host: 'localhost',
    length: (await stat(path)).size,
    closeDelimited: false,
    body,
    failure: classify,
    isOverlong: () => false,
    close: () => body.destroy(),
  };
}

function describe(source: string, kind: AssetKind, found: Inspection): string {
  const { outcome, extension, mime, whole, durationSeconds, code, reason } = found;
  const type = mime === null ? '' : `, ${extension} ${mime}`;
  const time = durationSeconds === null ? '' : `, ${durationSeconds.toFixed(2)} s`;
  const ends = whole === null ? 'does not say where it ends' : whole ? 'whole' : 'not whole';
  const why = `${outcome === 'accepted' ? `, ${ends}` : ''}${code === null ? '' : `: ${code}: ${reason}`}`;
  return `${source}: ${outcome} as ${kind}${type}${time}${why}`;
}
