import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** A head that is longer is passed on as it is: the parser refuses it. */
const maxHeadBytes = 256 * 1024;
const headEnd = '\r\n\r\n';
const nothing = Buffer.alloc(0);

/**
 * A connection whose response heads are put in order before a strict parser sees them: interim responses that nobody
 * asked for are dropped (RFC 9110, 15.2: a client must be able to read them; undici ends the connection at a 100), and
 * a length that is said twice is said once (RFC 9110, 8.6). What contradicts itself stays as it is.
 */
export class LenientSocket extends Duplex {
  readonly #socket: TLSSocket;
  /** What came of a head that is not whole yet; undefined: in the body. */
  #head: Buffer | undefined = nothing;

  constructor(socket: TLSSocket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('end', () => {
      if (this.#head !== undefined && this.#head.length > 0) this.push(this.#head);
      this.push(null);
    });
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
  }

  /** Named by undici's errors, as of any socket. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  #take(chunk: Buffer): void {
    if (this.#head === undefined) {
      this.#give(chunk);
      return;
    }
    let bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    for (let end = bytes.indexOf(headEnd); end !== -1; end = bytes.indexOf(headEnd)) {
      const rest = end + headEnd.length;
      const head = bytes.toString('latin1', 0, rest);
      if (!/^HTTP\/1\.\d 1(?!01)\d\d\b/.test(head)) {
        this.#head = undefined;
        this.#give(
          Buffer.concat([Buffer.from(withOneLength(head), 'latin1'), bytes.subarray(rest)]),
        );
        return;
      }
      bytes = bytes.subarray(rest);
    }
    this.#head = bytes;
    if (bytes.length <= maxHeadBytes) return;
    this.#head = undefined;
    this.#give(bytes);
  }

  #give(bytes: Buffer): void {
    if (!this.push(bytes)) this.#socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  /** Each request is written at once and has no body; a response begins behind it. */
  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void) {
    this.#head ??= nothing;
    this.#socket.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

function withOneLength(head: string): string {
  const lines = head.split('\r\n');
  const isLength = (line: string) => /^content-length:/i.test(line);
  const said = lines
    .filter(isLength)
    .flatMap((line) => line.slice(line.indexOf(':') + 1).split(','))
    .map((length) => length.trim());
  const [length = ''] = said;
  if (said.length < 2 || !/^\d+$/.test(length) || said.some((other) => other !== length))
    return head;
  const first = lines.findIndex(isLength);
  return lines
    .flatMap((line, at) =>
      isLength(line) ? (at === first ? [`content-length: ${length}`] : []) : [line],
    )
    .join('\r\n');
}
