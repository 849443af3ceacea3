import { randomUUID } from 'node:crypto';
import type { AssetKind } from '../../core/assets.ts';
import type { Behaviour } from '../../local/provider/behaviour.ts';
import { files, insertTrack } from '../lambdas/tracks.ts';
import { providerHost } from '../lambdas/world.ts';
import type { DeliveredCase, StorageFault } from './case.ts';
import type { Ground } from './ground.ts';
import type { Staged } from './outcome.ts';

/** Puts a case's files up at the provider and its track into the database. */
export async function stage(ground: Ground, scene: DeliveredCase): Promise<Staged> {
  const mark = randomUUID();
  const addressOf = (kind: AssetKind, behaviour: Behaviour | undefined, file = files[kind]) => {
    const url = `https://${providerHost}/${mark}/${kind}?signature=very-secret`;
    ground.provider.serve(url, file, behaviour);
    return url;
  };
  for (const [name, behaviour] of Object.entries(scene.beside ?? {})) {
    ground.provider.serve(`https://${providerHost}/${mark}/${name}`, files.audio, behaviour);
  }
  const track = await insertTrack(ground, {
    audio_url: scene.url === undefined ? addressOf('audio', scene.audio, scene.file) : scene.url,
    cover_url: scene.cover && addressOf('cover', scene.cover),
    video_url: scene.video && addressOf('video', scene.video),
  });
  return { ...track, mark, sentAt: ground.clock.now() };
}

/** Lets each track's requests to Storage meet its own fault. */
function interceptStorage(ground: Ground, faults: Map<Staged, StorageFault>): void {
  const counts = new Map<string, number>();
  const { supabase } = ground;
  const before = supabase.intercept;
  supabase.intercept = async (request, response) => {
    for (const [track, fault] of faults) {
      if (!request.url?.startsWith('/storage/') || !request.url.includes(track.id)) continue;
      const isUpload = request.method === 'POST';
      const key = `${track.id} ${isUpload}`;
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return await fault({ request, response, isUpload, count, ground, track });
    }
    return await before(request, response);
  };
}

/** Delivers all cases at once, once; resolves to their tracks, in order, when each message is settled. */
export async function deliverCases<const Scenes extends readonly DeliveredCase[]>(
  ground: Ground,
  scenes: Scenes,
): Promise<{ [Index in keyof Scenes]: Staged }> {
  const staged = await Promise.all(scenes.map((scene) => stage(ground, scene)));
  const faults = new Map<Staged, StorageFault>();
  for (const [index, track] of staged.entries()) {
    const fault = scenes[index]?.storage;
    if (fault !== undefined) faults.set(track, fault);
  }
  interceptStorage(ground, faults);
  for (const [index, { id }] of staged.entries()) ground.send(id, scenes[index]?.received);
  await ground.settled();
  return staged as { [Index in keyof Scenes]: Staged };
}

/** Lets the time pass until a track's message is visible again, and all that follows from it happen. */
export async function redeliver(ground: Ground, { id }: { id: string }): Promise<void> {
  await ground.clock.advanceTo(ground.message(id)?.visibleAt ?? 0);
  await ground.settled();
}
