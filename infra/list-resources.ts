import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { parseConfig } from './config.ts';
import { TrackArchiverStack } from './track-archiver-stack.ts';

interface Resource {
  Type: string;
  DeletionPolicy?: string;
  Metadata?: { 'aws:cdk:path'?: string };
}

/** The text of docs/resources.md: every resource of the stack, in the order of its constructs. */
export function listResources(stack: Stack): string {
  const { stacks } = stack.node.root instanceof App ? stack.node.root.synth() : { stacks: [] };
  const [artifact] = stacks;
  if (artifact === undefined) throw new Error('There is no stack');
  const { Resources, Outputs } = artifact.template;
  const resources = Object.values<Resource>(Resources).map(
    ({ Type, DeletionPolicy, Metadata }) =>
      `| ${construct(stack, Metadata?.['aws:cdk:path'])} | ${Type} | ${DeletionPolicy === 'Retain' ? 'kept' : 'removed'} |`,
  );
  const outputs = Object.entries<{ Description: string }>(Outputs).map(
    ([name, { Description }]) => `| ${name} | ${Description} |`,
  );
  return `# Resources

What \`cdk deploy\` makes, written by \`npm run resources\` and held to the stack by a test.

| construct | type | when the stack is removed |
|---|---|---|
${resources.join('\n')}

${resources.length} resources.

## Outputs

| output | what |
|---|---|
${outputs.join('\n')}
`;
}

/** \`Queues/Archive\` of \`track-archiver/Queues/Archive/Resource\`. */
const construct = (stack: Stack, path = ''): string =>
  path.replace(`${stack.stackName}/`, '').replace(/\/Resource$/, '');

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const outdir = mkdtempSync(join(tmpdir(), 'cdk-out-'));
  const app = new App({ outdir, context: { 'aws:cdk:enable-path-metadata': true } });
  const config = parseConfig({ supabaseUrl: 'https://example.supabase.co' }, {});
  const stack = new TrackArchiverStack(app, config.name, { config, bundles: join(root, 'dist') });
  writeFileSync(join(root, 'docs/resources.md'), listResources(stack));
  rmSync(outdir, { recursive: true });
}
