import { bucketSettingsCheck } from './bucket-settings-check.ts';
import type { PreflightCheck } from './check.ts';
import { elsewhereCheck } from './elsewhere-check.ts';
import { expiryCheck } from './expiry-check.ts';
import { deadlinesCheck, forecastCheck } from './forecast-checks.ts';
import { notificationsCheck } from './notifications-check.ts';
import { ownStorageCheck } from './own-storage-check.ts';
import { addressesCheck, expiringCheck, hostsCheck, providersCheck } from './provider-checks.ts';
import { columnsCheck, ownerCheck } from './shape-checks.ts';
import { statusCheck } from './status-check.ts';
import { storagePoliciesCheck } from './storage-policies-check.ts';
import { jobsCheck, triggersCheck } from './trigger-checks.ts';

/** What the doctor keeps looking at; what it asks more closely by checks of its own is left out. */
export const lastingChecks: PreflightCheck[] = [
  columnsCheck,
  statusCheck,
  ownerCheck,
  providersCheck,
  addressesCheck,
  expiringCheck,
  expiryCheck,
  ownStorageCheck,
  elsewhereCheck,
  storagePoliciesCheck,
  triggersCheck,
  jobsCheck,
  deadlinesCheck,
];

export const preflightChecks: PreflightCheck[] = [
  ...lastingChecks,
  hostsCheck,
  bucketSettingsCheck,
  notificationsCheck,
  forecastCheck,
];
