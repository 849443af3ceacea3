import type { Feed } from './feed.ts';

/** Bytes that suffice to know a format that is not taken. */
export const foreignBytes = 377;

/**
 * How others begin: containers of MPEG audio that no player takes for an mp3, and raw samples, in which a periodic
 * sound repeats what looks like a frame header.
 */
const beginnings = [
  'FORM', // AIFF
  '.snd',
  'caff',
  'riff\x2e\x91\xcf\x11', // Wave64
  '\x7f\xfe\x80\x01', // DTS
  'FLV\x01',
  '\x30\x26\xb2\x75\x8e\x66\xcf\x11', // ASF
  '\x00\x00\x01\xba', // MPEG program stream
  'wvpk',
  'TTA1',
  'MAC ',
  'MPCK',
  'MP+',
  '#!AMR',
  'MThd',
  '#EXTM3U',
  '%PDF-',
  'PK\x03\x04',
  'Rar!\x1a\x07',
  '7z\xbc\xaf\x27\x1c',
  '\x1f\x8b\x08',
  '\x7fELF',
];

export const isForeign = (feed: Feed): boolean =>
  beginnings.some((beginning) => feed.startsWith(beginning)) ||
  (feed.startsWith('RIFF') && !/^(WAVE|WEBP)$/.test(feed.text(8, 4))) ||
  isTransportStream(feed) ||
  isFramed(feed);

/** MPEG transport stream: a packet of 188 bytes begins with 47. */
function isTransportStream(feed: Feed): boolean {
  return [0, 188, 376].every((at) => at < feed.available && feed.byte(at) === 0x47);
}

/** A transfer coding that is still in the body: its chunks' lengths stand between the frames. */
const isFramed = (feed: Feed): boolean =>
  /^[0-9a-f]{1,8}(;[\x20-\x7e]{0,100})?\r\n/i.test(feed.text(0, Math.min(feed.available, 120)));
