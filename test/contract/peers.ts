import { localStack } from './localstack.ts';
import { miniStack } from './ministack.ts';
import type { Peer } from './peer.ts';

/** By the name that the command line takes. */
export const peers: Record<string, Peer> = { localstack: localStack, ministack: miniStack };
