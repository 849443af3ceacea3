/**
 * Loaded into a bundle's process before it: does to the process what the file at TEST_SABOTAGE says, once
 * it is there. `hang` blocks the event loop for good, `eat` takes memory until there is none left.
 */
import { existsSync, readFileSync } from 'node:fs';

const path = process.env.TEST_SABOTAGE ?? '';
const eaten: Buffer[] = [];

setInterval(() => {
  if (!existsSync(path)) return;
  if (readFileSync(path, 'utf8') === 'hang') for (;;);
  eaten.push(Buffer.alloc(20_000_000, 1));
}, 20).unref();
