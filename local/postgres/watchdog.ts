import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** Waits for a line, which means "stopped in good order", or for the end of the pipe: Node is gone. */
const script = `
if read -r line; then exit 0; fi
kill -INT "$1" 2>/dev/null
n=0
while kill -0 "$1" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
[ -z "$2" ] || rm -rf "$2"
`;

/**
 * Ends the server when this process ends, in whatever way: a shell in a session of its own holds the
 * other end of a pipe. Call the result once the server has been stopped in good order.
 */
export function watchParent(server: number, temporaryDirectory: string | undefined): () => void {
  if (process.platform === 'win32') {
    const end = () => process.kill(server);
    process.once('exit', end);
    return () => process.off('exit', end);
  }
  const shell = spawn(
    '/bin/sh',
    ['-c', script, 'watchdog', String(server), temporaryDirectory ?? ''],
    { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] },
  );
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  (shell.stdin as Socket).unref();
  return () => shell.stdin.end('stopped\n');
}
