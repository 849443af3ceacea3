/** How often things happened, by name. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** In the order of their names. */
  toJSON(): Record<string, number> {
    const entries = [...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(entries);
  }
}
