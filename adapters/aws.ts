/**
 * What every AWS client of ours is made with; region, credentials and AWS_ENDPOINT_URL come from the
 * environment. The SDK's own default is to wait for ever. Timeouts are in milliseconds.
 */
export const awsDefaults = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 2000, requestTimeout: 5000, throwOnRequestTimeout: true },
};
