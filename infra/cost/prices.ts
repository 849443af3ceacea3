/**
 * List prices in US dollars, us-east-1, without the free allowances of an account that other things in
 * it may use up. Collected in November 2026; other Regions cost up to a quarter more.
 */
export const prices = {
  lambda: { gigabyteSecond: 0.0000133334, request: 0.2e-6 },
  queueRequest: 0.4e-6,
  secret: 0.4,
  /** The first 14 million invocations of each month are free. */
  schedule: { freeInvocations: 14e6, invocation: 1e-6 },
  /** https://aws.amazon.com/cloudwatch/pricing: a month each, and a GB of logs taken in. */
  cloudWatch: { metric: 0.3, alarmMetric: 0.1, dashboard: 3, logGigabyte: 0.5 },
  /**
   * AWS to the internet, which Supabase's address is even in the same Region: GB up to which each
   * price holds. https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer
   */
  awsEgress: [
    { upTo: 100, price: 0 },
    { upTo: 10_100, price: 0.09 },
    { upTo: 50_100, price: 0.085 },
    { upTo: 150_100, price: 0.07 },
    { upTo: Number.POSITIVE_INFINITY, price: 0.05 },
  ],
  /** Supabase, Pro plan; its monthly fee is the app's own. */
  supabase: {
    storage: { included: 100, gigabyteMonth: 0.021 },
    egress: { included: 250, gigabyte: 0.09 },
  },
} as const;
