import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { buildOptions, bundle } from '../../lambdas/bundle.ts';

export interface Bundle {
  title: string;
  file: string;
  bytes: number;
  /** Whether it is the enqueue Lambda, which can be given a webhook. */
  takesWebhook: boolean;
}

/** Gives our adapters the whole of supabase-js where they ask for its REST part. */
const wholeLibrary: Plugin = {
  name: 'whole-library',
  setup({ onResolve }) {
    onResolve({ filter: /^@supabase\/postgrest-js$/ }, ({ importer }) =>
      /[/\\]adapters[/\\]/.test(importer)
        ? { path: join(import.meta.dirname, 'whole-library.ts') }
        : undefined,
    );
  },
};

/** The bundles as they are deployed, and the enqueue Lambda with the whole of supabase-js. */
export async function makeBundles(directory: string): Promise<Bundle[]> {
  const deployed = await bundle(undefined, directory);
  const whole = join(directory, 'enqueue-whole', 'index.mjs');
  const entry = join(import.meta.dirname, '../../lambdas/enqueue/handler.ts');
  await build({ ...buildOptions(entry, whole), plugins: [wholeLibrary] });
  const files = { ...deployed, 'enqueue, whole supabase-js': whole };
  return await Promise.all(
    Object.entries(files).map(async ([title, file]) => ({
      title,
      file,
      bytes: (await stat(file)).size,
      takesWebhook: title.startsWith('enqueue'),
    })),
  );
}
