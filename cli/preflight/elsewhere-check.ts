import { performance } from 'node:perf_hooks';
import type { Sample } from '../../adapters/database/sample.ts';
import type { App } from './app.ts';
import { ok, type PreflightCheck, warning } from './check.ts';
import { toFetch } from './provider-checks.ts';
import { type AppTable, readAppTables } from './tables.ts';
import { amount, quoted } from './words.ts';

/** Milliseconds for all tables together; what is left then is named. */
const patience = 25_000;
/** Of 8 kB, of each table. */
const blocks = 4000;
/** Of an app that has thousands. */
const mostHosts = 300;

export const elsewhereCheck: PreflightCheck = {
  name: 'provider files stand nowhere else',
  async run(app) {
    const hosts = hostTexts(app);
    const found: string[] = [];
    const unread: string[] = [];
    const end = performance.now() + patience;
    for (const table of await readAppTables(app.read)) {
      if (!table.isReadable || performance.now() > end) unread.push(table.name);
      else {
        app.note(`looking for addresses in ${table.name}`);
        const read = (sample: Sample) => readColumns(app, table, hosts, sample);
        await app.over(table.name, read, blocks).then(
          ([rows, { share }]) => found.push(...rows.flatMap((row) => describe(table, row, share))),
          () => unread.push(table.name),
        );
      }
    }
    if (unread.length > 0) found.push(`not looked at: ${unread.join(', ')}`);
    if (found.length === 0) return ok('no other column of text or JSON holds one');
    return warning(
      'only audio_url, cover_url and video_url of public.tracks are archived; what stands in other columns expires',
      'copy what the app needs into rows of public.tracks, or see to these files yourself before they expire',
      found,
    );
  },
};

interface ColumnCounts {
  column: string;
  known: number;
  media: number;
  host: string | null;
}

async function readColumns(
  { read }: App,
  { name, columns }: AppTable,
  hosts: string[],
  { clause }: Sample,
): Promise<ColumnCounts[]> {
  const found = columns.map(
    (column, index) =>
      `(${index + 1}, case when t.${column}::text like '%://%' then t.${column}::text end)`,
  );
  // Each host as plain text: one pattern of many alternatives takes many times as long.
  return read<ColumnCounts>(
    `select ($3::text[])[f.place] as column, count(known.host)::float8 as known,
       count(*) filter (where known.host is null and f.text ~* $2)::float8 as media, left(min(known.host), 100) as host
     from ${name} as t${clause}
     cross join lateral (values ${found.join(', ')}) as f (place, text)
     cross join lateral (select lower(f.text) as text offset 0) as low
     cross join lateral (
       select (select each.host from unnest($1::text[]) as each (host) where strpos(low.text, each.host) > 0 limit 1) as host
     ) as known
     where f.text is not null
     group by f.place order by f.place`,
    [hosts, mediaPattern, columns],
    8,
  );
}

function describe({ name }: AppTable, row: ColumnCounts, share: number): string[] {
  const counts = [
    ...(row.known > 0
      ? [
          `${amount(row.known / share, share)} with addresses at hosts of providers, such as ${quoted(row.host?.replace(/^\/\//, '') ?? null)}`,
        ]
      : []),
    ...(row.media > 0
      ? [
          `${amount(row.media / share, share)} with media files at hosts that no track and no policy names`,
        ]
      : []),
  ];
  return counts.length === 0 ? [] : [`${name}.${row.column}: ${counts.join('; ')}`];
}

/** What addresses at a host of a policy have in them, or at a host that tracks have: `//host`, or `.suffix`. */
function hostTexts(app: App): string[] {
  const hosts = new Set(app.policies.flatMap(({ allowedHosts }) => allowedHosts));
  for (const { host } of toFetch(app)) if (host !== null) hosts.add(host);
  return [...hosts]
    .slice(0, mostHosts)
    .map((host) => (host.startsWith('*') ? host.slice(1) : `//${host}`));
}

const mediaPattern =
  'https?://(?![^\\s"\'<>]*/storage/v1/)[^\\s"\'<>?#]+\\.(mp3|wav|m4a|flac|ogg|opus|aac|mp4|webm|mov|midi?|zip)([?#"\'\\s<>]|$)';
