import { isIP, type LookupFunction } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { buildConnector as Undici } from 'undici';
import { ArchiveFailure } from '../../core/failure.ts';
import { buildConnector } from '../http.ts';
import { connectFailure } from './errors.ts';
import { LenientSocket } from './lenient-socket.ts';
import type { AddressOverrides } from './overrides.ts';

/** What the guard stands on; a test puts its own ground under it. */
export interface Network {
  lookup: LookupFunction;
  isPublic: (address: string) => boolean;
  /** The port of https. */
  port: number;
  /** Leaves TLS out, for a measurement. */
  protocol?: 'http:';
}

export interface ConnectorOptions {
  /** Milliseconds for DNS, TCP and TLS together. */
  timeout: number;
  overrides: AddressOverrides;
  network: Network;
  /** Certificates to trust instead of the system's, PEM. */
  ca?: string | undefined;
  /** For hosts that HTTP/1.1 as it should be does not reach: HTTP/2 is offered, too, and response heads are put in order. */
  lenient?: boolean;
}

/**
 * Opens TLS connections to public addresses only. The check sits inside the socket's own name lookup,
 * so the address that is checked is the address that is connected to, whatever DNS answers the next
 * time; a connection reused from the pool is one that passed it. One address that is not public among
 * the answers refuses the host. A literal address is refused: no lookup would be made for it.
 */
export function guardedConnector(options: ConnectorOptions): Undici.connector {
  const { network, overrides } = options;
  const { lenient = false } = options;
  const shared = {
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    timeout: options.timeout,
    allowH2: lenient,
  };
  const guarded = buildConnector({ ...shared, lookup: guardLookup(network) });
  const overridden = buildConnector(shared);

  return (target, callback) => {
    const override = overrides.get(target.hostname);
    const finish: Undici.Callback = (...result) => {
      const [error, socket] = result;
      if (error !== null) return callback(connectFailure(error, target.hostname), null);
      const address = socket.remoteAddress;
      if (override === undefined && (address === undefined || !network.isPublic(address))) {
        socket.destroy();
        return callback(notPublic(target.hostname), null);
      }
      const isPlain = !lenient || !(socket instanceof TLSSocket) || socket.alpnProtocol === 'h2';
      return callback(null, isPlain ? socket : (new LenientSocket(socket) as unknown as TLSSocket));
    };
    if (override !== undefined) {
      const { address, port } = override;
      overridden({ ...target, hostname: address, port: String(port) }, finish);
    } else if (isIP(target.hostname.replace(/^\[|\]$/g, '')) !== 0) {
      callback(notPublic(target.hostname), null);
    } else {
      const { protocol = target.protocol, port } = network;
      guarded({ ...target, protocol, port: String(port) }, finish);
    }
  };
}

const guardLookup =
  (network: Network): LookupFunction =>
  (hostname, options, callback) => {
    network.lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = Array.isArray(found) ? found : [];
      const first = addresses[0];
      if (first === undefined) {
        return callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), []);
      }
      if (!addresses.every(({ address }) => network.isPublic(address))) {
        return callback(notPublic(hostname), []);
      }
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };

const notPublic = (hostname: string) =>
  new ArchiveFailure('address_not_public', `${hostname} leads to an address that is not public`);
