import fc from 'fast-check';

export const assets = ['audio', 'cover', 'video'] as const;
export type Asset = (typeof assets)[number];

/** `query`: the same file with another signature. `rubbish`: what a program writes for nothing. */
export type AddressChange = 'new' | 'previous' | 'spaces' | 'none' | 'copy' | 'query' | 'rubbish';

/** What a holder of a claim may do with it. */
export type Act = 'store' | 'complete' | 'fail' | 'release';
type WorkerIndex = 0 | 1;

/** What can be done in one transaction, or in one invocation of a worker. */
export type SingleStep =
  | { step: 'claim'; worker: WorkerIndex; lease: number }
  /** `forgotten`: Storage accepted the file and has another. */
  | { step: 'store'; worker: WorkerIndex; asset: Asset; forgotten: boolean }
  | { step: 'gone'; worker: WorkerIndex; asset: Asset }
  /** Stores whatever is missing. */
  | { step: 'copy'; worker: WorkerIndex }
  | { step: 'complete' | 'fail' | 'release'; worker: WorkerIndex }
  /** Somebody who crashed or was replaced, and does not know it. */
  | { step: 'ghost'; act: Act; which: number }
  /** `retry`: as the sweep does it. */
  | { step: 'plan'; retry: boolean }
  /** Of the latest plan, whatever has happened since. */
  | { step: 'confirm'; route: 'schedule' | 'queue' }
  | { step: 'address'; asset: Asset; to: AddressChange }
  | { step: 'status'; completed: boolean }
  | { step: 'expiry'; hours: number }
  | { step: 'request' | 'delete' | 'insert' }
  /** The sweep says that nothing is left to try. */
  | { step: 'close' }
  /** A person uploaded the files by hand. */
  | { step: 'mark'; cover: boolean };

export type Step =
  | SingleStep
  /** The worker dies; its claim lives on. */
  | { step: 'crash'; worker: WorkerIndex }
  | { step: 'pass'; seconds: number }
  /** The second begins when the first has done its work and not committed. */
  | { step: 'overlap'; first: SingleStep; second: SingleStep };

const worker = fc.constantFrom<WorkerIndex[]>(0, 1);
const asset = fc.constantFrom(...assets);
const name = <Name extends string>(...names: Name[]) => fc.constantFrom(...names);

/** Weights that let most runs archive, fail and reopen the track several times. */
const single: fc.WeightedArbitrary<SingleStep>[] = [
  {
    weight: 8,
    arbitrary: fc.record({ step: name('claim'), worker, lease: fc.constantFrom(60, 930) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: name('store'),
      worker,
      asset,
      forgotten: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: name('gone'), worker, asset }) },
  { weight: 8, arbitrary: fc.record({ step: name('copy'), worker }) },
  {
    weight: 10,
    arbitrary: fc.record({
      step: name('complete', 'complete', 'complete', 'fail', 'release'),
      worker,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      step: name('ghost'),
      act: name<Act>('store', 'complete', 'fail', 'release'),
      which: fc.nat(2),
    }),
  },
  { weight: 4, arbitrary: fc.record({ step: name('plan'), retry: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ step: name('confirm'), route: name('schedule', 'queue') }) },
  {
    weight: 8,
    arbitrary: fc.record({
      step: name('address'),
      asset,
      to: name<AddressChange>(
        'new',
        'new',
        'previous',
        'spaces',
        'none',
        'copy',
        'query',
        'rubbish',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ step: name('status'), completed: fc.constantFrom(true, true, false) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: name('expiry'), hours: fc.integer({ min: 1, max: 400 }) }),
  },
  { weight: 3, arbitrary: fc.record({ step: name('request') }) },
  { weight: 2, arbitrary: fc.record({ step: name('close') }) },
  { weight: 1, arbitrary: fc.record({ step: name('delete', 'insert', 'insert') }) },
  { weight: 1, arbitrary: fc.record({ step: name('mark'), cover: fc.boolean() }) },
];
const singleStep = fc.oneof(...single);

/** A person who marks a track names no source: whoever changes it in that moment gets the wrong file. */
const isBlameless = ({ first, second }: { first: SingleStep; second: SingleStep }): boolean =>
  ![first, second].some(({ step }) => step === 'mark') ||
  ![first, second].some(({ step }) => step === 'address');
const overlap = fc
  .record({ step: name('overlap'), first: singleStep, second: singleStep })
  .filter(isBlameless);

/** A history of one track, at most `maxLength` steps long. */
export const history = (maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof<fc.WeightedArbitrary<Step>[]>(
      { weight: 40, arbitrary: singleStep },
      { weight: 2, arbitrary: fc.record({ step: name('crash'), worker }) },
      {
        weight: 6,
        arbitrary: fc.record({
          step: name('pass'),
          seconds: fc.constantFrom(10, 61, 931, 3600, 86_400, 14 * 86_400),
        }),
      },
      {
        weight: 10,
        arbitrary: overlap,
      },
    ),
    { maxLength, size: 'max' },
  );
