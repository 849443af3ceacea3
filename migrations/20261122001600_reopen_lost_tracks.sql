-- Why: the replaced system marked tracks as archived whose upload had failed: the flag is true and no file
--   is there. They are opened again, so that what their provider still has is saved.
-- Lock: public.tracks row exclusive, and the rows that are opened again; one scan that waits for nobody.
-- Again: finds nothing to do.
set local lock_timeout = '3s';

update public.tracks
set archived_to_storage = false, archived_at = null
where archived_to_storage is true and coalesce(btrim(storage_audio_url), '') = '';
