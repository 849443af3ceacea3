import {
  GetFunctionConfigurationCommand,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { until } from '../support/until.ts';

/** Adds variables to those of the template; only this test does, no stack ever has them. */
export async function addVariables(
  lambda: LambdaClient,
  name: string,
  added: Record<string, string>,
): Promise<void> {
  const { Environment } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: name }),
  );
  const Variables = { ...Environment?.Variables, ...added };
  await lambda.send(
    new UpdateFunctionConfigurationCommand({ FunctionName: name, Environment: { Variables } }),
  );
  await until(
    async () => {
      const { LastUpdateStatus } = await lambda.send(
        new GetFunctionConfigurationCommand({ FunctionName: name }),
      );
      return LastUpdateStatus === undefined || LastUpdateStatus === 'Successful';
    },
    { what: `the update of ${name}`, interval: 100 },
  );
}

/** Digest of the code that is deployed. */
export async function codeDigest(lambda: LambdaClient, name: string): Promise<string> {
  const { CodeSha256 = '' } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: name }),
  );
  return CodeSha256;
}
