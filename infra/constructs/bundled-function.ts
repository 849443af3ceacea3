import { join } from 'node:path';
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { metricNamespace } from '../../core/metrics.ts';
import type { Config } from '../config.ts';
import { allow } from './allow.ts';

interface BundledFunctionProps {
  /** Folder under `lambdas/`, and the end of the function's name. */
  lambda: string;
  description: string;
  config: Config;
  /** Folder with `<lambda>/index.mjs`, as `npm run build` made it: the bytes that were tested. */
  bundles: string;
  timeout: Duration;
  memoryMegabytes: number;
  environment: Record<string, string>;
}

/** A Lambda made of a prebuilt bundle, with a log group and a role of its own that may write there and nothing else. */
export class BundledFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  /** Its name, which is also that of the service in its log lines and metrics. */
  readonly service: string;

  constructor(scope: Construct, id: string, props: BundledFunctionProps) {
    super(scope, id);
    const { config } = props;
    this.service = serviceName(config, props.lambda);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    allow(
      this.role,
      'WriteLogs',
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      [logGroup.logGroupArn],
    );
    this.function = new LambdaFunction(this, 'Function', {
      functionName: this.service,
      description: props.description,
      code: Code.fromAsset(join(props.bundles, props.lambda), { exclude: ['*.map'] }),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout,
      memorySize: props.memoryMegabytes,
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel[config.logLevel],
      systemLogLevelV2: SystemLogLevel.INFO,
      environment: {
        ...props.environment,
        POWERTOOLS_SERVICE_NAME: this.service,
        POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
      },
    });
  }
}

/** What a Lambda's metrics carry as their dimension. */
export const serviceName = (config: Config, lambda: string): string => `${config.name}-${lambda}`;
