import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ConfigurationError } from '../core/environment.ts';
import { parseConfig } from './config.ts';
import { TrackArchiverStack } from './track-archiver-stack.ts';

try {
  const app = new App();
  const config = parseConfig(app.node.getAllContext(), process.env);
  new TrackArchiverStack(app, config.name, {
    config,
    bundles: join(import.meta.dirname, '..', 'dist'),
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
