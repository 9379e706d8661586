/** Which rows of a list are chosen, and which one the keyboard is at. Rows are named by id: a list may change under it. */
export class Selection {
  chosen = $state.raw<ReadonlySet<string>>(new Set())
  /** Where the keyboard is. */
  at = $state(0)
  /** Where a range began. */
  #anchor = 0

  clear(): void {
    this.chosen = new Set()
  }

  only(index: number, id: string): void {
    this.chosen = new Set([id])
    this.at = this.#anchor = index
  }

  toggle(index: number, id: string): void {
    const chosen = new Set(this.chosen)
    if (!chosen.delete(id)) chosen.add(id)
    this.chosen = chosen
    this.at = this.#anchor = index
  }

  extend(index: number, ids: (index: number) => string | undefined): void {
    const [from, to] = [Math.min(index, this.#anchor), Math.max(index, this.#anchor)]
    const chosen = new Set<string>()
    for (let at = from; at <= to; at++) {
      const id = ids(at)
      if (id !== undefined) chosen.add(id)
    }
    this.chosen = chosen
    this.at = index
  }

  all(ids: string[]): void {
    this.chosen = new Set(ids)
  }
}
