/** A parser: straight-line code that yields whenever it needs bytes that have not come yet. */
export type Parser<Result> = Generator<void, Result>;

const empty = new Uint8Array(0);

/**
 * A stream's bytes as a parser sees them: those that it waits for and no more. What is skipped is never kept,
 * so the memory is bounded by the largest `need`.
 */
export class Feed {
  #buffer: Uint8Array = empty;
  #at = 0;
  #end = 0;
  /** Where chunks are put together; used again, since one for each of them costs as much as all the rest. */
  #own: Uint8Array = empty;
  #skipping = 0;
  /** Bytes of the file before the first that is available. */
  position = 0;
  ended = false;

  get available(): number {
    return this.#end - this.#at;
  }

  push(chunk: Uint8Array): void {
    const skipped = Math.min(this.#skipping, chunk.length);
    this.#skipping -= skipped;
    this.position += skipped;
    if (skipped < chunk.length) this.#append(skipped === 0 ? chunk : chunk.subarray(skipped));
  }

  /** What is available, or its first bytes; valid until the parser yields. */
  peek(bytes = this.available): Uint8Array {
    return this.#buffer.subarray(this.#at, Math.min(this.#end, this.#at + bytes));
  }

  byte(offset = 0): number {
    return this.#buffer[this.#at + offset] ?? 0;
  }
  u16(offset = 0): number {
    return (this.byte(offset) << 8) | this.byte(offset + 1);
  }
  u24(offset = 0): number {
    return (this.u16(offset) << 8) | this.byte(offset + 2);
  }
  u32(offset = 0): number {
    return this.u16(offset) * 0x10000 + this.u16(offset + 2);
  }
  u64(offset = 0): number {
    return this.u32(offset) * 0x1_0000_0000 + this.u32(offset + 4);
  }
  u16le(offset = 0): number {
    return this.byte(offset) | (this.byte(offset + 1) << 8);
  }
  u24le(offset = 0): number {
    return this.u16le(offset) | (this.byte(offset + 2) << 16);
  }
  u32le(offset = 0): number {
    return this.u16le(offset) + this.u16le(offset + 2) * 0x10000;
  }
  text(offset: number, length: number): string {
    let text = '';
    for (let i = offset; i < offset + length; i++) text += String.fromCharCode(this.byte(i));
    return text;
  }
  startsWith(text: string, offset = 0): boolean {
    if (this.available < offset + text.length) return false;
    for (let i = 0; i < text.length; i++) {
      if (this.byte(offset + i) !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Drops bytes that are available. */
  drop(bytes: number): void {
    this.#at += bytes;
    this.position += bytes;
  }

  /** False: the file ends before. */
  *need(bytes: number): Parser<boolean> {
    while (this.available < bytes) {
      if (this.ended) return false;
      yield;
    }
    return true;
  }

  /** False: the file ends before. */
  *skip(bytes: number): Parser<boolean> {
    const now = Math.min(bytes, this.available);
    this.drop(now);
    this.#skipping = bytes - now;
    while (this.#skipping > 0) {
      if (this.ended) return false;
      yield;
    }
    return true;
  }

  /** Reads the rest of the file and keeps nothing of it. */
  *drain(): Parser<void> {
    yield* this.skip(Number.MAX_SAFE_INTEGER);
  }

  #append(chunk: Uint8Array): void {
    const left = this.available;
    if (left === 0) {
      this.#buffer = chunk;
      this.#at = 0;
      this.#end = chunk.length;
      return;
    }
    if (this.#buffer !== this.#own || this.#own.length - this.#end < chunk.length) {
      const former = this.peek();
      if (this.#own.length < left + chunk.length) {
        this.#own = new Uint8Array(Math.max(1024, 2 * (left + chunk.length)));
      }
      this.#own.set(former);
      this.#buffer = this.#own;
      this.#at = 0;
      this.#end = left;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }
}
