import { everybodyDenied, type Row } from './access.ts';

export const storageTable: Row[] = ['tracks-audio', 'tracks-covers', 'tracks-videos'].flatMap(
  (bucket): Row[] => [
    {
      what: `list the files of ${bucket}`,
      sql: () => `select * from storage.objects where bucket_id = '${bucket}'`,
      answers: { anon: 0, owner: 1, another: 0, service: 1 },
    },
    {
      what: `upload into the owner's folder of ${bucket}`,
      sql: (s) =>
        `insert into storage.objects (bucket_id, name) values ('${bucket}', '${s.owner}/new') returning id`,
      answers: { anon: 'denied', owner: 1, another: 'denied', service: 1 },
    },
    {
      what: `upload beside the folders of ${bucket}`,
      sql: (s) =>
        `insert into storage.objects (bucket_id, name) values ('${bucket}', '${s.owner}') returning id`,
      answers: { ...everybodyDenied, service: 1 },
    },
    {
      what: `overwrite a file in ${bucket}`,
      sql: () =>
        `update storage.objects set metadata = '{}' where bucket_id = '${bucket}' returning id`,
      answers: { anon: 0, owner: 0, another: 0, service: 1 },
    },
    {
      what: `delete a file of the owner's in ${bucket}`,
      sql: () => `delete from storage.objects where bucket_id = '${bucket}' returning id`,
      answers: { anon: 0, owner: 1, another: 0, service: 1 },
    },
  ],
);
