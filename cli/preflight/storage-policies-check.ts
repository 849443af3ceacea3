import { plain } from '../plain.ts';
import { ok, type PreflightCheck, warning } from './check.ts';

interface Policy {
  name: string;
  command: string;
  using: string | null;
  check: string | null;
}

/** Policies add up: one that forgets the folder opens it to everybody, whatever ours say. */
export const storagePoliciesCheck: PreflightCheck = {
  name: 'users reach only their own files in Storage',
  async run({ read }) {
    const policies = await read<Policy>(
      `select policyname::text as name, lower(cmd) as command, qual as using, with_check as check
       from pg_policies where schemaname = 'storage' and tablename = 'objects' and permissive = 'PERMISSIVE'
         and roles && array['public', 'anon', 'authenticated']::name[] order by 1`,
    );
    const open = policies.filter((policy) => reachesOurs(policy) && !isForOwners(policy));
    if (open.length === 0) return ok('as far as policies on storage.objects say');
    const can: Record<string, string> = { select: 'list', all: 'list, write and delete' };
    return warning(
      `${open.length === 1 ? 'a policy of the app lets' : `${open.length} policies of the app let`} any user reach the files of others`,
      open
        .map(
          ({ name }) => `drop policy "${plain(name, 80).replaceAll('"', '""')}" on storage.objects`,
        )
        .join('; '),
      open.map(
        ({ name, command, using, check }) =>
          `“${plain(name, 80)}” lets users ${can[command] ?? command}: ${plain(check ?? using ?? 'true', 200)}`,
      ),
    );
  },
};

const conditions = ({ using, check }: Policy): string[] =>
  [using, check].filter((text) => text !== null);

const reachesOurs = (policy: Policy): boolean => {
  const text = conditions(policy).join(' ');
  return !text.includes('bucket_id') || /tracks-(audio|covers|videos)/.test(text);
};

/** Each condition compares who asks with whose it is, or lets only the service pass. */
const isForOwners = (policy: Policy): boolean => {
  const texts = conditions(policy);
  return (
    texts.length > 0 &&
    texts.every(
      (text) =>
        /'service_role'/.test(text) ||
        (/auth\.(uid|jwt)\(/.test(text) && /foldername|owner|path_tokens|\bname\b/.test(text)),
    )
  );
};
