import { type Conditions, type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';

/** One statement by hand: the CDK's own grants allow more than these functions use. */
export function allow(
  grantee: IGrantable,
  sid: string,
  actions: string[],
  resources: string[],
  conditions: Conditions = {},
): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ sid, actions, resources, conditions }),
  );
}
