/** A list that is searched and read page by page. */
import { explain } from '../parts/notices.svelte.ts'

interface Page<T> {
  items: T[]
  next?: string | undefined
}

export interface Wanted {
  search?: string
  after?: string
}

const PAUSE_MS = 200
const LOOK_MS = 900

export class Paged<T> {
  items = $state.raw<T[] | undefined>(undefined)
  next = $state.raw<string | undefined>(undefined)
  problem = $state('')
  search = $state('')
  readonly #load: (wanted: Wanted) => Promise<Page<T>>
  #pages = 1
  #turn = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(load: (wanted: Wanted) => Promise<Page<T>>) {
    this.#load = load
  }

  /** Reads as many pages anew as are shown. An answer that was overtaken by a newer question is not looked at. */
  async reload(): Promise<void> {
    const turn = ++this.#turn
    const items: T[] = []
    let next: string | undefined
    try {
      for (let page = 0; page < this.#pages && (page === 0 || next !== undefined); page++) {
        const found = await this.#load({ ...(this.search.trim() ? { search: this.search.trim() } : {}), ...(next ? { after: next } : {}) })
        items.push(...found.items)
        next = found.next
      }
      if (turn !== this.#turn) return
      this.items = items
      this.next = next
      this.problem = ''
    } catch (error) {
      if (turn === this.#turn) this.problem = explain(error)
    }
  }

  more(): Promise<void> {
    this.#pages++
    return this.reload()
  }

  find(text: string): void {
    this.search = text
    this.#pages = 1
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.reload(), PAUSE_MS)
  }
}

/** Calls again and again while somebody looks, for what no wake tells of: each second, or less often where an answer takes long. */
export function whileLooking(work: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false
  const look = async () => {
    const began = performance.now()
    if (document.visibilityState === 'visible') await work()
    if (!ended) timer = setTimeout(look, Math.max(LOOK_MS, 9 * (performance.now() - began)))
  }
  timer = setTimeout(look, LOOK_MS)
  return () => {
    ended = true
    clearTimeout(timer)
  }
}
