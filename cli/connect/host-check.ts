import type { UnlistedHost } from '../../adapters/database/unlisted-hosts.ts';
import { plain } from '../plain.ts';
import type { Check } from './doctor.ts';

/** Hosts that are listed. */
const most = 5;

/** A provider that moved to a new host is seen here days before its tracks are due and fail. */
export const hostCheck = (
  readUnlistedHosts: (limit: number) => Promise<UnlistedHost[]>,
): Check => ({
  name: 'the hosts of waiting tracks are allowed',
  fix: 'if the hosts are the provider’s, add them to its row of public.track_archiving_policies (or to a row of its own): allowed_hosts',
  async run() {
    const found = await readUnlistedHosts(most + 1);
    if (found.length === 0) return { ok: true, detail: 'all' };
    const detail = found.slice(0, most).map(describe).join('; ');
    return { ok: false, detail: found.length > most ? `${detail}; and more` : detail };
  },
});

const describe = ({ provider, host, tracks, expiresAt }: UnlistedHost): string =>
  `${tracks} ${tracks === 1 ? 'track' : 'tracks'} of ${plain(provider ?? 'no provider', 80)} at ${plain(host, 253)}, the first expires ${expiresAt.toISOString().slice(0, 16)}Z`;
