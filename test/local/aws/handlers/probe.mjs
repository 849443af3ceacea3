/** A function that behaves as its event asks. */
let invocations = 0;
const held = [];

const actions = {
  echo: (event, context) => ({ event, context, pid: process.pid, invocations }),
  environment: () => process.env,
  remaining: (_event, context) => context.getRemainingTimeInMillis(),
  throw: ({ message }) => {
    throw new RangeError(message);
  },
  date: () => [
    Date.now(),
    new Date().toISOString(),
    new Date(0).getTime(),
    new Date() instanceof Date,
  ],
  /** Answers once the clock has jumped in the middle of the invocation. */
  jump: async ({ to }) => {
    console.log('waiting for the jump');
    while (Date.now() < to) await new Promise((resolve) => setTimeout(resolve, 5));
    return 'jumped';
  },
  hang: () => {
    console.log(`hanging ${process.pid}`);
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  },
  spin: () => {
    for (;;);
  },
  fill: async () => {
    for (;;) {
      held.push(Buffer.alloc(8 * 1024 * 1024, 1));
      await new Promise(setImmediate);
    }
  },
  exit: () => process.exit(3),
  reject: () => {
    Promise.reject(new TypeError('nobody caught this'));
    return new Promise(() => {});
  },
  created: () => ({
    statusCode: 201,
    headers: { 'x-answer': 'yes', 'content-type': 'text/plain' },
    body: 'ü',
  }),
};

export function handler(event, context) {
  invocations += 1;
  const act = actions[event.action ?? event.rawPath?.slice(1)] ?? actions.echo;
  if (event.rawPath === undefined || act !== actions.echo) return act(event, context);
  return { statusCode: 200, body: JSON.stringify(act(event, context)) };
}
