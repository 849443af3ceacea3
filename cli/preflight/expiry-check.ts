import { ok, type PreflightCheck, warning } from './check.ts';
import { amount, first, quoted } from './words.ts';

/** ISO 8601 and Unix time, as archiver.parse_expiry reads them; digits stand as 9, letters as a. */
const understood =
  /^(9{9,13}(\.9{1,6})?|9999-99-99([aA ]99:99(:99(\.9{1,9})?)?([aA]|[+-]99(:?99)?)?)?)$/;

export const expiryCheck: PreflightCheck = {
  name: 'metadata.expires_at is understood',
  async run({ read, over, columns, note }) {
    const type = columns.find(({ name }) => name === 'metadata')?.type;
    if (type === undefined || !/^jsonb?$/.test(type)) return ok('no track has one');
    note('reading public.tracks: metadata.expires_at');
    const [forms, { share }] = await over('public.tracks', ({ clause }) =>
      read<{ form: string; tracks: number; example: string }>(
        `select regexp_replace(regexp_replace(e.text, '[0-9]', '9', 'g'), '[A-Za-z]', 'a', 'g') as form,
           count(*)::float8 as tracks, min(e.text) as example
         from public.tracks as t${clause}
         cross join lateral (select left(t.metadata ->> 'expires_at', 60) as text) as e
         where e.text <> '' group by 1 order by 2 desc limit 200`,
        [],
        8,
      ),
    );
    if (forms.length === 0) return ok('no track has one');
    const strange = forms.filter(({ form }) => !understood.test(form));
    if (strange.length === 0) return ok('all are ISO 8601 or Unix time');
    return warning(
      'some are neither ISO 8601 nor Unix time: they are ignored, and the policy’s retention counts',
      'write it like 2026-11-30T12:00:00Z',
      first(
        strange.map(
          ({ example, tracks }) => `${quoted(example)}: ${amount(tracks / share, share)}`,
        ),
      ),
    );
  },
};
