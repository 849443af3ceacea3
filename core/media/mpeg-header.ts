/** What is the same in every frame of a stream, and how long each frame is. */
export interface FrameKind {
  container: 'mp3' | 'aac';
  /** Bits of a header that every frame has alike. */
  mask: number;
  pattern: number;
  samples: number;
  rate: number;
  /** Bytes of a frame, from its first four bytes and the two behind them; 0: no frame of this kind. */
  size(word: number, next: number): number;
  layer: number;
  isMpeg1: boolean;
}

// ISO/IEC 11172-3 2.4.2.3 and 13818-3 2.4.2.3, in kbit/s.
const bitrates: Record<string, readonly number[]> = {
  '1-1': [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  '1-2': [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  '1-3': [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  '2-1': [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  '2-2': [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  '2-3': [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const mpegRates = [44_100, 48_000, 32_000];
const aacRates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
  7350,
];

/** The stream that a frame header of these four bytes may belong to. */
export function frameKind(word: number): FrameKind | undefined {
  if (word >>> 21 !== 0x7ff) return undefined;
  return ((word >>> 17) & 3) === 0 ? adtsKind(word) : mpegKind(word);
}

/** Version, layer and sampling rate stay; bitrate, padding and channel mode may change. */
const mpegMask = 0xfffe0c00 | 0;
/** By what is behind the mask, so that a file that is full of headers does not calculate one for each. */
const mpegKinds = new Map<number, FrameKind>();

function mpegKind(word: number): FrameKind | undefined {
  const version = (word >>> 19) & 3;
  const rateIndex = (word >>> 10) & 3;
  // Reserved values; emphasis 2 is one, too.
  if (version === 1 || rateIndex === 3 || ((word >>> 12) & 15) === 15 || (word & 3) === 2) {
    return undefined;
  }
  const pattern = word & mpegMask;
  const known = mpegKinds.get(pattern);
  if (known !== undefined) return known;
  const kind = newMpegKind(pattern, version, rateIndex);
  mpegKinds.set(pattern, kind);
  return kind;
}

function newMpegKind(pattern: number, version: number, rateIndex: number): FrameKind {
  const layer = 4 - ((pattern >>> 17) & 3);
  const isMpeg1 = version === 3;
  const rate = (mpegRates[rateIndex] ?? 0) >> (isMpeg1 ? 0 : version === 2 ? 1 : 2);
  const samples = layer === 1 ? 384 : layer === 3 && !isMpeg1 ? 576 : 1152;
  const slot = layer === 1 ? 4 : 1;
  const sizes = (bitrates[`${isMpeg1 ? 1 : 2}-${layer}`] ?? []).map(
    (kilobits) => Math.floor(((samples / 8 / slot) * kilobits * 1000) / rate) * slot,
  );
  return {
    container: 'mp3',
    mask: mpegMask,
    pattern,
    samples,
    rate,
    layer,
    isMpeg1,
    size: (other) => {
      const size = sizes[(other >>> 12) & 15] ?? 0;
      return size === 0 ? 0 : size + ((other >>> 9) & 1) * slot;
    },
  };
}

/** All of the fixed header (ISO/IEC 14496-3, 1.A.2.2.1) but its private and copyright bits. */
const adtsMask = 0xfffefdc0 | 0;

function adtsKind(word: number): FrameKind | undefined {
  const rate = aacRates[(word >>> 10) & 15];
  if (word >>> 20 !== 0xfff || rate === undefined) return undefined;
  const headerBytes = (word >>> 16) & 1 ? 7 : 9;
  return {
    container: 'aac',
    mask: adtsMask,
    pattern: word & adtsMask,
    samples: 1024,
    rate,
    layer: 0,
    isMpeg1: false,
    size: (other, next) => {
      const size = ((other & 3) << 11) | (next >>> 5);
      return size > headerBytes ? size : 0;
    },
  };
}

/** A stream of one frame size that no table has: the size is what lies between two of its headers. */
export const freeFormat = (kind: FrameKind, bytes: number): FrameKind => ({
  ...kind,
  size: (word) =>
    ((word >>> 12) & 15) === 0 ? bytes + ((word >>> 9) & 1) * (kind.layer === 1 ? 4 : 1) : 0,
});
