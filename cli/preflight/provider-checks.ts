import { hostMatches } from '../../core/source-url.ts';
import type { App } from './app.ts';
import { ok, type PreflightCheck, warning } from './check.ts';
import type { Source } from './sources.ts';
import { isDone } from './status-check.ts';
import { amount, first, literal, quoted, tally } from './words.ts';

const policyOf = ({ policies }: App, provider: string | null) => {
  const name = provider?.trim().toLowerCase();
  return (
    policies.find((policy) => policy.provider === name) ??
    policies.find((policy) => policy.provider === '*')
  );
};

/** Addresses of finished tracks that are to be fetched from somebody else. */
export const toFetch = ({ sources }: App): Source[] =>
  sources.filter(({ status, isOwn }) => isDone(status) && !isOwn);

export const providersCheck: PreflightCheck = {
  name: 'every provider has a policy',
  run(app) {
    const { groups, policies, sample } = app;
    const unknown = groups.filter(
      ({ status, provider }) =>
        isDone(status) &&
        !policies.some((policy) => policy.provider === provider?.trim().toLowerCase()),
    );
    const others = policies.find(({ provider }) => provider === '*');
    const details = tally(
      unknown,
      ({ provider }) => provider ?? '',
      ({ tracks }) => tracks,
    ).map(([provider, count]) => {
      const hosts = toFetch(app).filter((each) => (each.provider ?? '') === provider);
      const shorter = policies.find(
        (policy) =>
          policy.retention < (others?.retention ?? 0) &&
          hosts.some(({ host }) => host !== null && hostMatches(host, policy.allowedHosts)),
      );
      const warned =
        shorter === undefined
          ? ''
          : `; its files are on hosts of ${quoted(shorter.provider)}, which deletes after ${days(shorter.retention)}`;
      return `${quoted(provider || null)}: ${amount(count, sample.share)}${warned}`;
    });
    if (details.length === 0) return ok('all');
    return warning(
      `${details.length} without one are archived after ${days(others?.archiveAfter ?? 0)}, as “*” says`,
      'after connecting: insert into public.track_archiving_policies (provider, retention, archive_after, allowed_hosts) values (…)',
      first(details),
    );
  },
};

const days = (seconds: number): string =>
  seconds % 86_400 === 0 ? `${seconds / 86_400} days` : `${Math.round(seconds / 3600)} h`;

export const hostsCheck: PreflightCheck = {
  name: 'policies allow the hosts of all files',
  run(app) {
    const refused = toFetch(app).filter(
      ({ host, provider }) =>
        host !== null && !hostMatches(host, policyOf(app, provider)?.allowedHosts ?? []),
    );
    const found = tally(
      refused,
      ({ provider, host, kind }) => `${quoted(provider)} ${kind} at ${quoted(host)}`,
      ({ files }) => files,
    );
    const [worst] = refused;
    if (worst === undefined) return ok('all');
    const row = app.policies.find(
      ({ provider }) => provider === worst.provider?.trim().toLowerCase(),
    );
    return warning(
      `${found.length === 1 ? 'one does not' : `${found.length} do not`}: their files are refused with host_not_allowed`,
      `where a host is the provider’s, after connecting: update public.track_archiving_policies set allowed_hosts = allowed_hosts || ${literal(worst.host ?? '')} where provider = ${literal(row?.provider ?? '*')}`,
      first(found.map(([what, count]) => `${what}: ${amount(count, app.sample.share)}`)),
    );
  },
};

export const addressesCheck: PreflightCheck = {
  name: 'every address is one that can be fetched',
  run(app) {
    const none = toFetch(app).filter(({ host }) => host === null);
    if (none.length === 0) return ok('all');
    const found = tally(
      none,
      ({ kind, example }) => `${kind} such as ${quoted(example)}`,
      ({ files }) => files,
    );
    return warning(
      'some are none: relative, not https, with a port, or no address at all; they are refused with url_invalid',
      'correct them on the tracks, or set them to null: a song without an address is never archived',
      first(found.map(([what, count]) => `${what}: ${amount(count, app.sample.share)}`)),
    );
  },
};

export const expiringCheck: PreflightCheck = {
  name: 'no address expires by itself',
  run(app) {
    const expiring = toFetch(app).filter(({ expires }) => expires);
    if (expiring.length === 0) return ok('none');
    const found = tally(
      expiring,
      ({ provider, host }) => `${quoted(provider)} at ${quoted(host)}`,
      ({ files }) => files,
    );
    return warning(
      'signed addresses carry an expiry of their own, which may be earlier than the policy’s',
      'write the moment to metadata.expires_at of the track as ISO 8601, or give the provider a policy that is as short',
      first(found.map(([what, count]) => `${what}: ${amount(count, app.sample.share)}`)),
    );
  },
};
