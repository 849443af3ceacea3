import * as z from 'zod';
import { ConfigurationError } from '../../core/environment.ts';

/** Host name → where to connect instead of asking DNS. For the local stack's provider only. */
export type AddressOverrides = ReadonlyMap<string, { address: string; port: number }>;

const Overrides = z.record(z.string(), z.string().regex(/^127\.0\.0\.1:\d{1,5}$/));

const loopbackHosts = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Parses PROVIDER_ADDRESS_OVERRIDES. Throws a ConfigurationError where it is set although AWS is not
 * on this machine: in a deployed stack it would be a hole in the guard.
 */
export function parseAddressOverrides(
  value: string | undefined,
  awsEndpoint: string | undefined,
): AddressOverrides {
  if (value === undefined) return new Map();
  const awsHost = awsEndpoint === undefined ? undefined : URL.parse(awsEndpoint)?.hostname;
  if (awsHost === undefined || !loopbackHosts.includes(awsHost)) {
    throw new ConfigurationError(
      'PROVIDER_ADDRESS_OVERRIDES is for the local stack only: AWS_ENDPOINT_URL does not point at this machine',
    );
  }
  const parsed = Overrides.safeParse(parseJson(value));
  if (!parsed.success) {
    throw new ConfigurationError(
      'PROVIDER_ADDRESS_OVERRIDES is not JSON of the shape {"host": "127.0.0.1:port"}',
    );
  }
  return new Map(
    Object.entries(parsed.data).map(([host, target]) => {
      const [address = '', port = ''] = target.split(':');
      return [host.toLowerCase(), { address, port: Number(port) }];
    }),
  );
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
