import { CfnOutput, type Stack } from 'aws-cdk-lib';

/** The stack's outputs, by the names under which `npm run connect` and operators find them. */
export function addOutputs(
  stack: Stack,
  outputs: Record<string, { value: string; description: string }>,
): void {
  for (const [name, output] of Object.entries(outputs)) new CfnOutput(stack, name, output);
}
