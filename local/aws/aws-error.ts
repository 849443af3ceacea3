export const account = '000000000000';
export const region = 'us-east-1';

/** An error answer of AWS: `code` is the name that the SDK gives the error. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;
  /** SQS only: the code in the older query protocol, sent as `x-amzn-query-error`. */
  readonly queryCode: string;

  constructor(code: string, message: string, status = 400, queryCode = code) {
    super(message);
    this.code = code;
    this.status = status;
    this.queryCode = queryCode;
  }
}

/** SQS's answer to a parameter that it does not take. */
export const invalidParameter = (message: string): AwsError =>
  new AwsError('InvalidParameterValue', message);
