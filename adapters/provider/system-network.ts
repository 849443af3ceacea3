import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from '../../core/source-url.ts';
import type { Network } from './connector.ts';

/** The network as it is. */
export const systemNetwork: Network = {
  lookup: lookup as LookupFunction,
  isPublic: isPublicAddress,
  port: 443,
};
