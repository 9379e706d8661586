/** Changes of single nodes, each a commit. They say which version and placement they are based on: what changed meanwhile is refused. */
import type { Operation, Refusal } from '../api/bundle.ts'
import { api, commit, data, idNumber, randomBytes } from '../api/client.ts'

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
