import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Behaviour } from '../../local/provider/behaviour.ts';
import { providerHost, type World } from './world.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, '../fixtures', name));

export const files = {
  audio: fixture('song.mp3'),
  cover: fixture('cover.jpg'),
  video: fixture('video.mp4'),
};

export interface Track {
  id: string;
  userId: string;
}

/** A completed track; its assets' addresses are whatever is given. */
export async function insertTrack(
  { database }: World,
  columns: Record<string, unknown> = {},
): Promise<Track> {
  const row = {
    id: randomUUID(),
    user_id: randomUUID(),
    title: 'Песня 🎵',
    prompt: 'a song',
    status: 'completed',
    provider: 'tester',
    ...columns,
  };
  await database.query('insert into auth.users (id) values ($1) on conflict do nothing', [
    row.user_id,
  ]);
  const names = Object.keys(row);
  await database.query(
    `insert into public.tracks (${names.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
    Object.values(row),
  );
  return { id: row.id, userId: row.user_id };
}

/** Puts a file up at the provider, at a new address, which is returned. */
export function serve(
  { provider }: World,
  file: Buffer,
  behaviour?: Behaviour,
  name = 'file',
): string {
  const url = `https://${providerHost}/${randomUUID()}/${name}?signature=very-secret`;
  provider.serve(url, file, behaviour);
  return url;
}

/** A track with all three assets at the provider; `behaviours` for those that misbehave. */
export async function insertWholeTrack(
  world: World,
  behaviours: Partial<Record<keyof typeof files, Behaviour>> = {},
  columns: Record<string, unknown> = {},
): Promise<Track & { urls: Record<keyof typeof files, string> }> {
  const urls = {
    audio: serve(world, files.audio, behaviours.audio, 'song.mp3'),
    cover: serve(world, files.cover, behaviours.cover, 'cover.jpg'),
    video: serve(world, files.video, behaviours.video, 'video.mp4'),
  };
  const track = await insertTrack(world, {
    audio_url: urls.audio,
    cover_url: urls.cover,
    video_url: urls.video,
    ...columns,
  });
  return { ...track, urls };
}

export const readTrack = async ({ database }: World, id: string) =>
  (await database.query('select * from public.tracks where id = $1', [id]))[0];

/** The track's jobs, the latest first. */
export const readJobs = ({ database }: World, id: string) =>
  database.query(
    'select * from public.track_archiving_jobs where track_id = $1 order by created_at desc',
    [id],
  );

export async function readJob(world: World, id: string) {
  return (await readJobs(world, id))[0];
}

/** How often an address was asked for. */
export const requestsFor = ({ provider }: World, url: string): number =>
  provider.requests.filter((request) => request.url === url).length;

/** Every object in Storage as `bucket/path`, with its bytes. */
export async function storedObjects({ database, gateway }: World): Promise<Map<string, Buffer>> {
  const rows = await database.query('select bucket_id, name from storage.objects order by 1, 2');
  const objects = new Map<string, Buffer>();
  for (const { bucket_id, name } of rows) {
    const url = `${gateway.url}/storage/v1/object/public/${bucket_id}/${name}`;
    objects.set(`${bucket_id}/${name}`, Buffer.from(await (await fetch(url)).arrayBuffer()));
  }
  return objects;
}
