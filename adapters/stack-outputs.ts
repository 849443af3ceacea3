import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { ConfigurationError, parseConfiguration } from '../core/environment.ts';

/** The outputs of the deployed stack that `npm run connect` needs, by the names that infra/ gives them. */
const Outputs = z.object({
  WebhookUrl: z.url(),
  SupabaseUrl: z.url(),
  SecretArn: z.string().min(1),
  ArchiveQueueUrl: z.url(),
  DeadLetterQueueUrl: z.url(),
  ScheduleDeadLetterQueueUrl: z.url(),
  ScheduleGroup: z.string().min(1),
  // Later versions: an update begins with connecting the stack of before.
  ArchiveTracksUrl: z.url().optional(),
  SweepFunctionName: z.string().min(1).optional(),
  DefaultRetentionDays: z.coerce.number().optional(),
  DefaultArchiveAfterDays: z.coerce.number().optional(),
});
export type StackOutputs = z.infer<typeof Outputs>;

/** Throws a ConfigurationError where there is no such stack, or where it is not one of ours. */
export async function readStackOutputs(
  client: CloudFormationClient,
  name: string,
): Promise<StackOutputs> {
  const { Stacks = [] } = await client
    .send(new DescribeStacksCommand({ StackName: name }))
    .catch((cause: unknown) => {
      if (cause instanceof Error && /does not exist/.test(cause.message)) {
        throw new ConfigurationError(
          `There is no stack ${name} in this account and Region: deploy it first, or name it with --stack`,
          { cause },
        );
      }
      throw cause;
    });
  const [stack] = Stacks;
  if (stack === undefined) throw new ConfigurationError(`There is no stack ${name}`);
  const status = stack.StackStatus ?? 'of unknown status';
  if (!/^(CREATE|UPDATE|UPDATE_ROLLBACK|IMPORT)_COMPLETE/.test(status)) {
    throw new ConfigurationError(`The stack ${name} is ${status}: deploy it again first`);
  }
  const outputs = (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue }) => [
    OutputKey,
    OutputValue,
  ]);
  return parseConfiguration(`outputs of ${name}`, Outputs, Object.fromEntries(outputs));
}
