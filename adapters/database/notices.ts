import type pg from 'pg';

/** What migrations say by RAISE, since last asked; not that something is there already or is absent. */
export function collectNotices(client: pg.ClientBase): () => string[] {
  const notices: string[] = [];
  client.on('notice', ({ severity, message, hint }) => {
    if (message === undefined || / skipping$/.test(message)) return;
    if (!['NOTICE', 'WARNING'].includes(severity ?? '')) return;
    notices.push(hint === undefined ? message : `${message} (${hint})`);
  });
  return () => notices.splice(0);
}
