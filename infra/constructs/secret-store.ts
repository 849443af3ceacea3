import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { allow } from './allow.ts';

/**
 * The one secret, JSON as `core/environment.ts` describes it: Supabase URL and key, webhook secrets.
 * It is created empty and the template never has a value for it, so that no deployment can overwrite
 * what `npm run connect` stored. Kept on removal: the webhook secrets in it also live in Vault.
 */
export class SecretStore extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, props: { owner: string }) {
    super(scope, id);
    const secret = new CfnSecret(this, 'Resource', {
      description: `Supabase URL and key, and webhook secrets of ${props.owner}`,
    });
    secret.applyRemovalPolicy(RemovalPolicy.RETAIN);
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'The Supabase key is issued by Supabase: no rotation Lambda can make a new one. docs/deploy.md says how an operator rotates.',
    });
    this.arn = secret.ref;
  }

  grantRead(reader: IGrantable): void {
    allow(reader, 'ReadSecret', ['secretsmanager:GetSecretValue'], [this.arn]);
  }
}
