import { join } from 'node:path';

/** The project's folder. */
export const root = join(import.meta.dirname, '..', '..');

/** The least that a stack needs. */
export const exampleContext = { supabaseUrl: 'https://example.supabase.co' };
