import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freePort, type Server, startServer } from '../support/server.ts';

export interface Emulator extends Server {
  /** What AWS's tools and clients need to speak to it. */
  environment: Record<string, string>;
}

const root = join(import.meta.dirname, '../..');

/** An access key of its own for each run: the CDK remembers which account a key belongs to. */
const access = (url: string): Record<string, string> => ({
  AWS_ENDPOINT_URL: url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: `test${randomBytes(6).toString('hex')}`,
  AWS_SECRET_ACCESS_KEY: 'test',
});

/** The one at AWS_ENDPOINT_URL, or a MiniStack of our own; undefined where there is neither. */
export async function findEmulator(directory: string): Promise<Emulator | undefined> {
  const given = process.env.AWS_ENDPOINT_URL;
  if (given !== undefined) {
    const url = given.replace(/\/$/, '');
    return { url, environment: access(url), died: new Promise(() => {}), stop: async () => {} };
  }
  const server = await startMiniStack(directory);
  return server && { ...server, environment: access(server.url) };
}

/** Undefined where it is not installed. */
export async function startMiniStack(directory: string): Promise<Server | undefined> {
  const python = findPython();
  if (python === undefined) return undefined;
  const port = await freePort();
  const address = ['--host', '127.0.0.1', '--port', String(port)];
  return startServer(directory, {
    name: 'ministack',
    file: python,
    // Two `date` headers, uvicorn's and MiniStack's own, are an "Invalid time value" to the CDK.
    parameters: ['-m', 'uvicorn', 'ministack.app:app', '--no-date-header', ...address],
    // IoT and SFTP would open further ports.
    environment: { GATEWAY_PORT: String(port), IOT_MTLS_ENABLED: '0', SFTP_ENABLED: '0' },
    port,
    health: '/_ministack/health',
    timeout: 30_000,
  });
}

/** A Python that has MiniStack and uvicorn: of our virtual environment, or beside `ministack` on the PATH. */
function findPython(): string | undefined {
  const folders = [
    join(root, '.local/ministack-venv/bin'),
    ...(process.env.PATH ?? '')
      .split(delimiter)
      .filter((each) => existsSync(join(each, 'ministack'))),
  ];
  return folders
    .map((folder) => join(folder, 'python'))
    .filter((file) => existsSync(file))
    .find((file) => spawnSync(file, ['-c', 'import ministack.app, uvicorn']).status === 0);
}
