import type { FailureCode } from '../../core/failure.ts';
import { addressCases } from './address-cases.ts';
import type { Cases } from './case.ts';
import { databaseCases } from './database-cases.ts';
import { providerCases } from './provider-cases.ts';
import { responseCases } from './response-cases.ts';
import { storageCases } from './storage-cases.ts';
import * as worker from './worker-cases.ts';

/**
 * How each failure comes about: a code without a case does not compile. Every case runs against the real
 * bundle, and those who misbehave really do.
 */
export const failureCases = {
  ...providerCases,
  ...responseCases,
  ...addressCases,
  ...storageCases,
  too_large: [...responseCases.too_large, ...storageCases.too_large],
  database_unavailable: databaseCases,
  out_of_time: [worker.outOfTime],
  worker_crashed: [worker.workerCrashed],
  owner_missing: [worker.ownerMissing],
  expired: [worker.expired],
  superseded: [worker.superseded, worker.supersededAtLast],
  lease_lost: [worker.leaseLost],
  message_invalid: [worker.messageInvalid],
  internal: [worker.internal],
} as const satisfies Record<FailureCode, Cases>;
