/** The file of each Lambda, by its name: as it is deployed, built once for the whole run. */
export const bundles: Record<string, string> = JSON.parse(process.env.TEST_BUNDLES ?? '{}');
