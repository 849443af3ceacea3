/** What went wrong, in a line. Of several errors at once (one for each address of a host) the message itself is empty. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(describeError).join('; ');
  }
  return error.message || error.name;
}
