/** What is uploaded: in order, two at a time, paused and taken up again; it lives as long as the page. */
import { Problem } from '../api/client.ts'
import { CHUNK_BYTES } from '../api/bundle.ts'
import { Refused } from '../files/operations.ts'
import { explain } from '../parts/notices.svelte.ts'
import { lang } from '../texts/language.svelte.ts'
import type { Found } from './dropped.ts'
import { hash, Unreadable } from './hash.ts'
import { ensureDirectory, sendBig, sendSmall, type Control, type Small } from './send.ts'

interface Item {
  file: File
  folder: string
  parent: string
  directories: string[]
}

export interface Failed {
  item: Item
  name: string
  why: string
}

const LANES = 2
/** Files and bytes of small files in one commit. */
const BATCH_FILES = 100
const BATCH_BYTES = 4 << 20
/** Over how long the speed is measured. */
const WINDOW_MS = 8_000

class Cleared extends Error {}

class Queue {
  all = $state(0)
  done = $state(0)
  bytes = $state(0)
  sentBytes = $state(0)
  failed = $state.raw<Failed[]>([])
  paused = $state(false)
  speed = $state(0)

  readonly running = $derived(this.done + this.failed.length < this.all)
  readonly secondsLeft = $derived(this.speed > 0 ? (this.bytes - this.sentBytes) / this.speed : undefined)

  #waiting: Item[] = []
  #lanes = 0
  #round = 0
  #directories = new Map<string, Promise<string>>()
  #marks: { at: number; bytes: number }[] = []
  #resume: (() => void)[] = []

  add(found: Found[], folder: string, parent: string): void {
    this.#directories.clear()
    for (const { file, directories } of found) {
      this.#waiting.push({ file, directories, folder, parent })
      this.bytes += file.size
    }
    this.all += found.length
    while (this.#lanes < LANES && this.#lanes < this.#waiting.length) void this.#lane()
  }

  pause(): void {
    this.paused = true
    this.speed = 0
    this.#marks = []
  }

  continue(): void {
    this.paused = false
    this.#resume.splice(0).forEach((resume) => resume())
  }

  /** Forgets everything, and stops what runs. What has arrived of big files stays on the server for a while. */
  clear(): void {
    this.#round++
    this.#waiting = []
    this.all = this.done = this.bytes = this.sentBytes = this.speed = 0
    this.failed = []
    this.#marks = []
    this.continue()
  }

  /** Takes up again what has failed. What had arrived of big files is not sent again. */
  retry(): void {
    const again = this.failed.map((failed) => failed.item)
    this.failed = []
    this.#directories.clear()
    this.#waiting.push(...again)
    while (this.#lanes < LANES && this.#lanes < this.#waiting.length) void this.#lane()
  }

  async #lane(): Promise<void> {
    this.#lanes++
    try {
      for (let items = this.#take(); items.length > 0; items = this.#take()) await this.#send(items)
    } finally {
      this.#lanes--
    }
  }

  /** One big file, or the small ones that stand together. */
  #take(): Item[] {
    const [first] = this.#waiting
    if (!first) return []
    if (first.file.size > CHUNK_BYTES) return this.#waiting.splice(0, 1)
    let [count, bytes] = [0, 0]
    for (const item of this.#waiting) {
      bytes += item.file.size
      const fits = item.folder === first.folder && item.file.size <= CHUNK_BYTES && (count === 0 || bytes <= BATCH_BYTES)
      if (!fits || count === BATCH_FILES) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #send(items: Item[]): Promise<void> {
    const round = this.#round
    const control: Control = {
      sent: (bytes) => round === this.#round && this.#note(bytes),
      turn: async () => {
        while (this.paused && round === this.#round) await new Promise<void>((resolve) => this.#resume.push(resolve))
        if (round !== this.#round) throw new Cleared()
      },
    }
    const end = (item: Item, error?: unknown) => {
      if (round !== this.#round || error instanceof Cleared) return
      if (error === undefined) this.done++
      else this.failed = [...this.failed, { item, name: [...item.directories, item.file.name].join('/'), why: why(error) }]
    }
    const small: { item: Item; file: Small }[] = []
    for (const item of items) {
      try {
        await control.turn()
        const [parent, hashed] = await Promise.all([this.#directory(item, control), hash(item.file)])
        if (hashed.bytes === undefined) {
          await sendBig(item.folder, { parent, name: item.file.name, file: item.file, hashed }, control)
          end(item)
        } else {
          const file = { parent, name: item.file.name, mtime: item.file.lastModified, hashed: { ...hashed, bytes: hashed.bytes } }
          small.push({ item, file })
        }
      } catch (error) {
        end(item, error)
      }
    }
    const folder = items[0]?.folder
    if (small.length === 0 || folder === undefined) return
    try {
      const results = await sendSmall(folder, small.map(({ file }) => file), control)
      results.forEach((error, index) => end(small[index]!.item, error))
    } catch (error) {
      small.forEach(({ item }) => end(item, error))
    }
  }

  /** The directory that a file goes into; each is made once. */
  #directory(item: Item, control: Control): Promise<string> {
    let parent = Promise.resolve(item.parent)
    item.directories.forEach((name, depth) => {
      const key = JSON.stringify([item.folder, item.parent, ...item.directories.slice(0, depth + 1)])
      const above = parent
      parent = this.#directories.get(key) ?? above.then((above) => ensureDirectory(item.folder, above, name, control))
      this.#directories.set(key, parent)
    })
    return parent
  }

  #note(bytes: number): void {
    this.sentBytes += bytes
    const now = performance.now()
    this.#marks.push({ at: now, bytes })
    this.#marks = this.#marks.filter((mark) => now - mark.at < WINDOW_MS)
    const since = this.#marks[0]?.at ?? now
    const sum = this.#marks.slice(1).reduce((sum, mark) => sum + mark.bytes, 0)
    this.speed = now > since ? sum / ((now - since) / 1_000) : 0
  }
}

function why(error: unknown): string {
  if (error instanceof Refused) return lang.t.refusal[error.reason]
  if (error instanceof Unreadable) return lang.t.unreadable
  if (error instanceof Problem && error.kind === 'wrong_chunk') return lang.t.refusal.stale
  return explain(error)
}

export const queue = new Queue()
