/**
 * What is in one directory, kept as it is on the server: listed once page by page, then changed by what the journal says.
 */
import { api, changes, data, idNumber, nodeId, type Entry, type Folder } from '../api/client.ts'
import type { Node } from '../api/bundle.ts'
import { sortKey } from './order.ts'

export interface Row {
  id: string
  name: string
  kind: Entry['kind']
  size: number
  mtime: number
  key: string
}

function rowOf(entry: Entry): Row {
  return {
    id: entry.node,
    name: entry.name,
    kind: entry.kind,
    size: entry.size,
    mtime: Date.parse(entry.mtime),
    key: sortKey(entry.name),
  }
}

function rowOfNode(node: Node): Row {
  const { name, kind, size, mtime } = node
  return { id: nodeId(node.id), name, kind, size, mtime, key: sortKey(name) }
}

/** What a list is sorted by. */
export type Column = 'name' | 'size' | 'mtime'

/** The first page is small, so that it is there at once. */
const LARGE_PAGE = 10_000

export class Listing {
  rows = $state.raw<Row[]>([])
  /** The directory itself, once it is known. */
  node = $state<string | undefined>(undefined)
  whole = $state(false)
  error = $state.raw<unknown>(undefined)

  readonly folder: string
  readonly path: string[]
  #cursor: string
  #ended = false
  #pulling = false
  #again = false

  constructor(folder: Folder, path: string[]) {
    this.folder = folder.id
    this.path = path
    // What changes while the pages come is pulled afterwards: the cursor is from before the first of them.
    this.#cursor = folder.head_cursor
  }

  async load(): Promise<void> {
    try {
      const found = new Map<string, Row>()
      let after: string | undefined
      do {
        const query = { path: this.path.join('/'), ...(after === undefined ? {} : { after, limit: LARGE_PAGE }) }
        const params = { path: { folder: this.folder, node: 'n1' }, query }
        const page = await data(api.GET('/api/v1/folders/{folder}/nodes/{node}/children', { params }))
        if (this.#ended) return
        this.node = page.node?.node ?? 'n1'
        for (const entry of page.entries) found.set(entry.node, rowOf(entry))
        const first = after === undefined
        after = page.next
        // People see the first page at once, and the whole when it is there.
        if (first || after === undefined) this.rows = [...found.values()]
      } while (after !== undefined)
      this.whole = true
      if (this.#again) void this.pull()
    } catch (error) {
      if (!this.#ended) this.error = error
    }
  }

  /** Takes in what has changed since. */
  async pull(): Promise<void> {
    this.#again = true
    if (!this.whole || this.#pulling) return
    this.#pulling = true
    try {
      while (this.#again && !this.#ended) {
        this.#again = false
        const page = await changes(this.folder, this.#cursor)
        if (this.#ended) return
        if (page.cursor !== undefined) this.#cursor = page.cursor
        this.#apply(page.nodes)
        if (page.more) this.#again = true
      }
    } catch (error) {
      if (!this.#ended) this.error = error
    } finally {
      this.#pulling = false
    }
  }

  end(): void {
    this.#ended = true
  }

  #apply(nodes: Node[]): void {
    if (nodes.length === 0 || this.node === undefined) return
    const here = idNumber(this.node)
    const rows = new Map(this.rows.map((row) => [row.id, row]))
    let changed = false
    for (const node of nodes) {
      const id = nodeId(node.id)
      if (node.parent === here && !node.deleted) {
        rows.set(id, rowOfNode(node))
        changed = true
      } else {
        changed = rows.delete(id) || changed
      }
    }
    if (changed) this.rows = [...rows.values()]
  }
}

/** Directories first, then by the column. */
export function sorted(rows: Row[], column: Column, down: boolean): Row[] {
  const sign = down ? -1 : 1
  const byName = (one: Row, other: Row) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0)
  return rows.toSorted((one, other) => {
    const kinds = Number(other.kind === 'directory') - Number(one.kind === 'directory')
    if (kinds !== 0) return kinds
    const order = column === 'name' ? byName(one, other) : one[column] - other[column]
    return order === 0 ? byName(one, other) : sign * order
  })
}
