import type { StackOutputs } from '../../adapters/stack-outputs.ts';
import type { Check } from './doctor.ts';

/** Days of the default policy, in the database, which decides, and in the stack, whose texts name it. */
export const policyCheck = (
  outputs: Pick<StackOutputs, 'DefaultRetentionDays' | 'DefaultArchiveAfterDays'>,
  readDefaultPolicy: () => Promise<{ retention: number; archiveAfter: number } | undefined>,
): Check => ({
  name: 'the default policy is what the stack says',
  fix: 'deploy with -c retentionDays and -c archiveAfterDays as in the row * of public.track_archiving_policies, or change that row',
  async run() {
    const policy = await readDefaultPolicy();
    if (policy === undefined) return { ok: false, detail: 'the row * is missing' };
    const { DefaultRetentionDays: retention, DefaultArchiveAfterDays: archiveAfter } = outputs;
    const found = `archived after ${policy.archiveAfter} days of ${policy.retention}`;
    const isSame =
      (retention ?? policy.retention) === policy.retention &&
      (archiveAfter ?? policy.archiveAfter) === policy.archiveAfter;
    if (isSame) return { ok: true, detail: found };
    return { ok: false, detail: `${found}, the stack says ${archiveAfter} of ${retention}` };
  },
});
