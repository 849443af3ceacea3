#!/usr/bin/env node
// The package's own command: track-archiver.ts with the pinned Node 24, since npx may run in Node 20.
import { fileURLToPath } from 'node:url';

process.argv.splice(2, 0, fileURLToPath(new URL('track-archiver.ts', import.meta.url)));
await import('../node24.mjs');
