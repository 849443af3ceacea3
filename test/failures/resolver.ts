/**
 * Loaded into a bundle's process before it: for the hosts of TEST_DNS (JSON, host → answers), lookups get
 * one answer after the other, the last one from then on. Every other host is asked of the real DNS.
 */
import dns, { type LookupAddress } from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';

const answers: Record<string, string[]> = JSON.parse(process.env.TEST_DNS ?? '{}');
const real = dns.lookup;

type Answered = (error: null, addresses: LookupAddress[]) => void;

function lookup(host: string, options: object, callback: Answered): void {
  const [address, ...later] = answers[host] ?? [];
  if (address === undefined) {
    real(host, { ...options, all: true }, callback as never);
    return;
  }
  if (later.length > 0) answers[host] = later;
  console.log(JSON.stringify({ resolved: host, address }));
  callback(null, [{ address, family: isIP(address) }]);
}

Object.assign(dns, { lookup });
syncBuiltinESMExports();
