import type { TestDatabase } from '../support/database.ts';

export const roles = ['anon', 'owner', 'another', 'service'] as const;
export type Role = (typeof roles)[number];

/**
 * What becomes of a statement: it works on n rows, sees none of them, is denied by privilege or
 * policy (42501), is refused by a rule (23514: an illegal transition), or finds that the track has an open job (23505).
 */
export type Answer = number | 'denied' | 'refused' | 'taken';

export interface Row {
  what: string;
  sql: (scene: Scene) => string;
  answers: Record<Role, Answer>;
}

export interface Scene {
  db: TestDatabase;
  owner: string;
  another: string;
  /** A completed track, never claimed: its job is pending. */
  track: string;
  /** A completed track whose attempt failed eleven minutes ago. */
  failed: string;
  /** A track that is not completed. */
  draft: string;
  job: string;
}

export const everybodyDenied = { anon: 'denied', owner: 'denied', another: 'denied' } as const;
