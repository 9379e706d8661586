/** Changes of single nodes, each a commit. They say which version and placement they are based on: what changed meanwhile is refused. */
import type { Operation, Refusal } from '../api/bundle.ts'
import { api, commit, data, idNumber, nodeId, randomBytes } from '../api/client.ts'

/** What a person did was refused by the folder's state. */
export class Refused extends Error {
  readonly reason: Refusal

  constructor(reason: Refusal) {
    super(reason)
    this.reason = reason
  }
}

/** Refusals of single operations; none of them stops the others. */
export async function perform(folder: string, operations: Operation[]): Promise<(Refusal | undefined)[]> {
  const refusals: (Refusal | undefined)[] = []
  for (let start = 0; start < operations.length; start += 500) {
    const some = operations.slice(start, start + 500)
    const answer = await commit(folder, { key: randomBytes(), uploads: [], operations: some, manifests: [], data: [] })
    refusals.push(...answer.outcomes.map((outcome) => ('refusal' in outcome ? outcome.refusal : undefined)))
  }
  return refusals
}

async function performOne(folder: string, operation: Operation): Promise<void> {
  const [refusal] = await perform(folder, [operation])
  if (refusal) throw new Refused(refusal)
}

/** The numbers that a node's newest version and placement have. */
async function numbersOf(folder: string, node: string): Promise<{ version: bigint; placement: bigint }> {
  const params = { path: { folder, node } }
  const history = await data(api.GET('/api/v1/folders/{folder}/nodes/{node}/versions', { params }))
  const [version, place] = [history.versions[0], history.places[0]]
  if (!version || !place) throw new Refused('gone')
  return { version: BigInt(version.seq), placement: BigInt(place.seq) }
}

export function makeDirectory(folder: string, parent: string, name: string): Promise<void> {
  const content = 'directory' as const
  const mtime = Date.now()
  return performOne(folder, { kind: 'create', temporary: 0, parent: idNumber(parent), name, content, executable: false, mtime })
}

export async function rename(folder: string, parent: string, node: string, name: string): Promise<void> {
  const { placement } = await numbersOf(folder, node)
  await performOne(folder, { kind: 'move', node: idNumber(node), base: placement, parent: idNumber(parent), name })
}

/** Moves nodes to the trash; how many went, and the first refusal. */
export async function remove(folder: string, nodes: string[]): Promise<{ removed: number; refusal: Refusal | undefined }> {
  const operations: Operation[] = []
  for (let start = 0; start < nodes.length; start += 8) {
    const some = nodes.slice(start, start + 8)
    const numbers = await Promise.all(some.map((node) => numbersOf(folder, node)))
    numbers.forEach((number, index) => operations.push({ kind: 'remove', node: idNumber(some[index]!), ...number }))
  }
  const refusals = await perform(folder, operations)
  return { removed: refusals.filter((refusal) => refusal === undefined).length, refusal: refusals.find((refusal) => refusal) }
}

/** What is to be moved or copied. */
export interface Item {
  id: string
  name: string
  kind: 'directory' | 'file' | 'link'
}

/** What became of several items. */
export interface Outcome {
  done: number
  /** Those whose name is taken there. */
  taken: Item[]
  refusal: Refusal | undefined
}

/** The same name with a number before its ending. */
export function numbered(name: string, number: number): string {
  const dot = name.lastIndexOf('.')
  const [stem, ending] = dot > 0 && name.length - dot <= 32 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  const mark = ` (${number})${ending}`
  let [short, room] = [stem, 255 - new TextEncoder().encode(mark).length]
  while (new TextEncoder().encode(short).length > room) short = [...short].slice(0, -1).join('')
  return short + mark
}

function outcome(items: Item[], refusals: (Refusal | undefined)[]): Outcome {
  return {
    done: refusals.filter((refusal) => refusal === undefined).length,
    taken: items.filter((_, index) => refusals[index] === 'name_taken'),
    refusal: refusals.find((refusal) => refusal !== undefined && refusal !== 'name_taken'),
  }
}

/** Moves nodes into a directory of the same folder, each by itself. */
export async function move(folder: string, items: Item[], parent: string): Promise<Outcome> {
  const operations: Operation[] = []
  for (let start = 0; start < items.length; start += 8) {
    const some = items.slice(start, start + 8)
    const numbers = await Promise.all(some.map((item) => numbersOf(folder, item.id)))
    some.forEach(({ id, name }, index) =>
      operations.push({ kind: 'move', node: idNumber(id), base: numbers[index]!.placement, parent: idNumber(parent), name }),
    )
  }
  return outcome(items, await perform(folder, operations))
}

/** Makes copies of nodes in a directory of the same folder; no bytes move. A directory is made anew with copies of all in it. */
export async function copy(folder: string, items: Item[], parent: string): Promise<Outcome> {
  const operations = items.map(({ id, name, kind }, temporary): Operation =>
    kind === 'directory'
      ? { kind: 'create', temporary, parent: idNumber(parent), name, content: 'directory', executable: false, mtime: Date.now() }
      : { kind: 'copy', temporary, source: idNumber(id), parent: idNumber(parent), name },
  )
  const made: (string | undefined)[] = []
  const refusals: (Refusal | undefined)[] = []
  for (let start = 0; start < operations.length; start += 500) {
    const some = operations.slice(start, start + 500)
    const answer = await commit(folder, { key: randomBytes(), uploads: [], operations: some, manifests: [], data: [] })
    for (const one of answer.outcomes) {
      refusals.push('refusal' in one ? one.refusal : undefined)
      made.push('refusal' in one ? undefined : nodeId(one.node))
    }
  }
  const result = outcome(items, refusals)
  for (const [index, item] of items.entries()) {
    const into = made[index]
    if (item.kind !== 'directory' || into === undefined) continue
    const inner = (await childrenOf(folder, item.id)).filter((child) => child.id !== into)
    const below = await copy(folder, inner, into)
    result.refusal ??= below.refusal ?? (below.taken.length > 0 ? 'name_taken' : undefined)
  }
  return result
}

/** Does it with other names where the names are taken. */
export async function keepBoth(folder: string, items: Item[], parent: string, how: typeof move): Promise<Outcome> {
  const result: Outcome = { done: 0, taken: items, refusal: undefined }
  const names = new Map(items.map((item) => [item.id, item.name]))
  for (let number = 2; number < 100 && result.taken.length > 0; number++) {
    const again = result.taken.map((item) => ({ ...item, name: numbered(names.get(item.id) ?? item.name, number) }))
    const next = await how(folder, again, parent)
    result.done += next.done
    result.taken = next.taken
    result.refusal ??= next.refusal
  }
  return result
}

/** All that is in a directory now. */
export async function childrenOf(folder: string, node: string): Promise<Item[]> {
  const found: Item[] = []
  let after: string | undefined
  do {
    const params = { path: { folder, node }, query: after === undefined ? {} : { after } }
    const page = await data(api.GET('/api/v1/folders/{folder}/nodes/{node}/children', { params }))
    found.push(...page.entries.map(({ node: id, name, kind }) => ({ id, name, kind })))
    after = page.next
  } while (after !== undefined)
  return found
}
