import { ArchiveFailure, type FailureCode } from '../../core/failure.ts';

/** The first row whose pattern matches the error's code names the failure. */
type Table = readonly (readonly [RegExp, FailureCode])[];

/** Before the connection stood. What is left over is the handshake: certificates, ERR_SSL_…, a reset in it. */
const connectTable: Table = [
  [/^(ENOTFOUND|ENODATA|EAI_.*)$/, 'provider_dns'],
  [
    /^(UND_ERR_CONNECT_TIMEOUT|ECONNREFUSED|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN))$/,
    'provider_unreachable',
  ],
  [/^(EADDRNOTAVAIL|EACCES|EPERM|EMFILE)$/, 'provider_unreachable'],
  [/./, 'provider_tls'],
];

/** HTTPParserError is undici's for bytes that are no HTTP; it has not always a code. */
const broken =
  /^(UND_ERR_SOCKET|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EPROTO|ERR_STREAM_PREMATURE_CLOSE|ERR_SSL_.*|ERR_HTTP2_.*|HPE_.*|HTTPParserError)$/;
/** Two lengths announced, or one beside a chunked body. */
const contradictory = /^UND_ERR_RES_CONTENT_LENGTH_MISMATCH$/;

const headersTable: Table = [
  [/^UND_ERR_HEADERS_TIMEOUT$/, 'provider_timeout'],
  [/^UND_ERR_HEADERS_OVERFLOW$/, 'provider_refused'],
  [contradictory, 'provider_overlong'],
  [broken, 'provider_reset'],
];

/** A connection that was closed in order, only too early, is a truncated file; one that broke is a reset. */
const bodyTable: Table = [
  [/^UND_ERR_BODY_TIMEOUT$/, 'provider_stalled'],
  [contradictory, 'provider_overlong'],
  [/^(UND_ERR_SOCKET|HPE_INVALID_EOF_STATE|Z_BUF_ERROR)$/, 'provider_truncated'],
  [broken, 'provider_reset'],
  [/^(Z_|ZSTD_|ERR__|ERR_BROTLI|ERR_AWS_CHUNKED)/, 'content_encoding'],
];

/** What another manner of connection may fix: HTTP/2, or a head that is put in order (lenient-socket.ts). */
export function isOddTransport({ cause }: ArchiveFailure): boolean {
  const { code, message } = describe(cause);
  return (
    /^(ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL|HTTPParserError|HPE_.*)$/.test(code) ||
    contradictory.test(code) ||
    /bad response/.test(message)
  );
}

export const connectFailure = (error: unknown, host: string) =>
  failureBy(connectTable, error, host);
export const headersFailure = (error: unknown, host: string) =>
  failureBy(headersTable, error, host);
export const bodyFailure = (error: unknown, host: string) => failureBy(bodyTable, error, host);

function failureBy(table: Table, error: unknown, host: string): ArchiveFailure {
  if (error instanceof ArchiveFailure) return error;
  const { code, message } = describe(error);
  const failure = table.find(([pattern]) => pattern.test(code))?.[1] ?? 'internal';
  return new ArchiveFailure(failure, `${host}: ${message}`, { cause: error });
}

function describe(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return { code, message: `${code} ${error.message}` };
}
