import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Waits for a line, which means "stopped in good order", or for the end of the pipe: Node is gone. Then
 * the server that the pid file names is ended; it may only just have been started, or still be in the making.
 */
const script = `
if read -r line; then exit 0; fi
n=0
while [ ! -s "$1" ] && [ $n -lt 20 ]; do sleep 0.1; n=$((n+1)); done
pid=$(head -n 1 "$1" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -INT "$pid" 2>/dev/null
  n=0
  while kill -0 "$pid" 2>/dev/null && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done
fi
[ -z "$2" ] || rm -rf "$2" || { sleep 2; rm -rf "$2"; }
`;

export interface Watchdog {
  /** To be called once the server has been stopped in good order. */
  release(): void;
}

/**
 * Ends the server of a pid file when this process ends, in whatever way: a shell in a session of its own
 * holds the other end of a pipe. The file must not be a stale one. There is none on Windows:
 * the next start ends what was left over.
 */
export function watchParent(pidFile: string, temporaryDirectory: string | undefined): Watchdog {
  if (process.platform === 'win32') return { release: () => {} };
  const shell = spawn('/bin/sh', ['-c', script, 'watchdog', pidFile, temporaryDirectory ?? ''], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  (shell.stdin as Socket).unref();
  return { release: () => shell.stdin.end('stopped\n') };
}
