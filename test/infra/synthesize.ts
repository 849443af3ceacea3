import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { parseConfig } from '../../infra/config.ts';
import { TrackArchiverStack } from '../../infra/track-archiver-stack.ts';
import { bundles } from '../support/bundles.ts';
import { exampleContext, root } from './example.ts';

interface CloudFormationResource {
  Type: string;
  Properties: Record<string, unknown>;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  DependsOn?: string[];
}

/** A folder that is gone when the process ends. */
function temporaryFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const bundlesFolder = dirname(dirname(bundles.enqueue ?? ''));

/** The stack as `cdk synth` makes it with this context, in a folder of its own. */
export function synthesize(context: Record<string, unknown> = exampleContext) {
  const { context: settings } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8'));
  const app = new App({
    outdir: temporaryFolder('cdk-out-'),
    context: { ...settings, ...context, 'aws:cdk:enable-path-metadata': true },
  });
  const config = parseConfig(context, {});
  const stack = new TrackArchiverStack(app, config.name, { config, bundles: bundlesFolder });
  const template = Template.fromStack(stack);
  const resources: Record<string, CloudFormationResource> = template.toJSON().Resources;
  return {
    app,
    stack,
    template,
    config,
    bundlesFolder,
    resources: Object.entries(resources).map(([id, resource]) => ({ id, ...resource })),
  };
}

/** Logical ids end with a hash; what stands before it is the path in the construct tree. */
export const withoutHash = (id: string): string => id.replace(/[0-9A-F]{8}$/, '');

/** A template value as text: `<QueuesArchive.Arn>` for an attribute, `<AWS::Region>` for a parameter. */
export function readable(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(readable).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  if ('Ref' in value) return `<${withoutHash(String(value.Ref))}>`;
  if ('Fn::GetAtt' in value && Array.isArray(value['Fn::GetAtt'])) {
    const [id, attribute] = value['Fn::GetAtt'];
    return `<${withoutHash(id)}.${attribute}>`;
  }
  if ('Fn::Join' in value && Array.isArray(value['Fn::Join'])) {
    const [separator, parts] = value['Fn::Join'];
    return parts.map(readable).join(separator);
  }
  return Object.entries(value)
    .map(([key, part]) => `${key}=${readable(part)}`)
    .join(', ');
}
