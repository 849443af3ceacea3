import { setFlagsFromString } from 'node:v8';

/*
 * A copy allocates little on the heap but a buffer of up to 64 KB outside of it for every chunk, and those are
 * freed only when the young generation is collected. Measured with Node 24 by `npm run bench:memory -- --tracks 10`
 * and `npm run bench:copy`.
 */

/** Keeps the young generation at its first size: left to grow, it lets dead buffers pile up. */
setFlagsFromString('--semi-space-growth-factor=1');

/**
 * What lies outside of the heap may weigh less before the young generation is collected for it ("external memory
 * pressure" in --trace-gc). That takes less than half a millisecond; without it the buffers grow old and each
 * heap of them costs a mark-compact of several, with helpers on other cores that a Lambda does not have.
 * V8 of Node 26, which a machine with Apple silicon has, lost the flag, and complains on stderr.
 */
if (process.versions.node.startsWith('24.'))
  setFlagsFromString('--scavenger-max-new-space-capacity-mb=1');
