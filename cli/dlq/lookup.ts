import type { ArchivingState } from '../../adapters/supabase/archiving-states.ts';

export type ReadStates = (trackIds: readonly string[]) => Promise<Map<string, ArchivingState>>;

/** What the database knows of tracks, where it can be asked. */
export interface Lookup {
  /** By track id; undefined once the database could not be asked. */
  statesOf(trackIds: readonly string[]): Promise<Map<string, ArchivingState> | undefined>;
  /** Why it could not be asked. */
  problem(): string | undefined;
}

/** The queues can be read without the database: its failure is kept, not thrown, and it is not asked again. */
export function createLookup(read: ReadStates): Lookup {
  let problem: string | undefined;
  return {
    async statesOf(trackIds) {
      if (problem !== undefined) return undefined;
      if (trackIds.length === 0) return new Map();
      try {
        return await read(trackIds);
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
        return undefined;
      }
    },
    problem: () => problem,
  };
}
