import { createHash, timingSafeEqual } from 'node:crypto';

/** Compares digests, so that neither content nor length shows in the time taken. */
export const constantTimeEqual = (a: string, b: string): boolean =>
  timingSafeEqual(digest(a), digest(b));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
