import type { FailureCode } from '../../core/failure.ts';
import { providerHost } from '../lambdas/world.ts';
import type { DeliveredCase } from './case.ts';
import { troubleHosts } from './trouble.ts';

const redirect = (to: string) => ({ kind: 'redirect', to }) as const;

/** Addresses that are not fetched, or not followed. */
export const addressCases = {
  url_missing: [
    { what: 'there is no address', url: null },
    { what: 'the address is blank', url: ' ' },
  ],
  url_invalid: [
    { what: 'the address is no URL', url: 'not a url' },
    { what: 'the address is http', url: `http://${providerHost}/song.mp3` },
    { what: 'the address is a file', url: 'file:///etc/passwd' },
    {
      what: 'the address carries credentials',
      url: `https://user:very-secret@${providerHost}/song.mp3`,
    },
    { what: 'the address names a port', url: `https://${providerHost}:8443/song.mp3` },
    {
      what: 'a redirect leads to http',
      audio: redirect(`http://${providerHost}/audio`),
    },
    {
      what: 'a redirect carries credentials',
      audio: redirect(`https://user:very-secret@${providerHost}/audio`),
    },
  ],
  host_not_allowed: [
    { what: 'the host is another', url: 'https://elsewhere.example/song.mp3' },
    { what: 'the host only begins alike', url: `https://${providerHost}.evil.example/song.mp3` },
    { what: 'the host only ends alike', url: `https://evil-${providerHost}/song.mp3` },
    {
      what: 'a redirect leads to another host',
      audio: redirect('https://elsewhere.example/audio?signature=very-secret'),
    },
    { what: 'the address is a public one', url: 'https://93.184.215.14/song.mp3' },
  ],
  address_not_public: [
    { what: 'the address is this machine', url: 'https://127.0.0.1/song.mp3' },
    { what: 'the address is this machine, written otherwise', url: 'https://0x7f.1/song.mp3' },
    { what: 'the address is private', url: 'https://10.0.0.1/song.mp3' },
    { what: 'the address is link-local', url: 'https://[fe80::1]/song.mp3' },
    { what: 'the address is mapped', url: 'https://[::ffff:192.168.0.1]/song.mp3' },
    {
      what: 'a redirect leads to the metadata of the cloud',
      audio: redirect('https://169.254.169.254/latest/meta-data'),
    },
    {
      what: 'an allowed host resolves to a private address',
      url: `https://${troubleHosts.private}/song.mp3`,
    },
    {
      what: 'DNS says a public address at first and this machine then',
      url: `https://${troubleHosts.rebinding}/song.mp3`,
      waits: true,
    },
  ],
} as const satisfies Partial<Record<FailureCode, readonly DeliveredCase[]>>;
