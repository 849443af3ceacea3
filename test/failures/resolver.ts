/**
 * Loaded into a bundle's process before it: for the hosts of TEST_DNS (JSON, host → results), lookups get
 * one result after the other, the last one from then on. Every other host is asked of the real DNS.
 */
import dns, { type LookupAddress } from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';

const results: Record<string, string[]> = JSON.parse(process.env.TEST_DNS ?? '{}');
const real = dns.lookup;

type Callback = (error: null, addresses: LookupAddress[]) => void;

function lookup(host: string, options: object, callback: Callback): void {
  const [address, ...later] = results[host] ?? [];
  if (address === undefined) {
    real(host, { ...options, all: true }, callback as never);
    return;
  }
  if (later.length > 0) results[host] = later;
  console.log(JSON.stringify({ resolved: host, address }));
  callback(null, [{ address, family: isIP(address) }]);
}

Object.assign(dns, { lookup });
syncBuiltinESMExports();
