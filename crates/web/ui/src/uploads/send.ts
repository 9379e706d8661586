/**
 * Sends files into a folder. Small ones go many to a commit; a big one goes by an upload of its own, which stays on the
 * server for 72 hours and is taken up again by whoever sends the same file to the same place, a reloaded page too.
 *
 * A name that is taken by a file gets a new version: nothing is lost, the one before is in its history.
 */
import { CHUNK_BYTES, type Answer, type Commit, type FileContent, type Manifest, type Operation, type Outcome } from '../api/bundle.ts'
import { api, commit, data, hex, idNumber, nodeId, Problem, randomBytes, unhex } from '../api/client.ts'
import { Refused } from '../files/operations.ts'
import type { Hashed } from './hash.worker.ts'

/** How the queue is told, and how it stops what runs. */
export interface Control {
  sent: (bytes: number) => void
  /** Waits while it is paused; throws once nothing more is wanted. */
  turn: () => Promise<void>
}

/** Chunks of a big file that go in one bundle. */
const BUNDLE_CHUNKS = 4
/** Chunks that are asked for at once. */
const ASKED_CHUNKS = 1_000
const SLOWEST_SECONDS = 30

/** Tries again for as long as it is only the way or the server's load that is in between. */
async function insist<T>(control: Control, attempt: () => Promise<T>): Promise<T> {
  for (let seconds = 1; ; seconds = Math.min(seconds * 2, SLOWEST_SECONDS)) {
    await control.turn()
    try {
      return await attempt()
    } catch (error) {
      const passing = error instanceof Problem && (error.status === 0 || [408, 429, 502, 503, 504].includes(error.status))
      if (!passing) throw error
      const wait = error.retryAfter ?? seconds
      await new Promise((resolve) => setTimeout(resolve, wait * 1_000 * (0.75 + Math.random() / 2)))
    }
  }
}

function send(folder: string, commitment: Omit<Commit, 'key'>, control: Control): Promise<Answer> {
  // One key for all attempts: an answer that was lost on its way is given again, and nothing is done twice.
  const key = randomBytes()
  return insist(control, () => commit(folder, { key, ...commitment }))
}

function create(temporary: number, parent: string, name: string, content: FileContent | 'directory', mtime: number): Operation {
  return { kind: 'create', temporary, parent: idNumber(parent), name, content, executable: false, mtime }
}

/** What to do when a name is taken: a file gets a new version. */
function instead(outcome: Outcome, content: FileContent, mtime: number): Operation {
  if (!('refusal' in outcome)) throw new Error('it was applied')
  const current = outcome.current
  if (outcome.refusal !== 'name_taken' || current?.kind !== 'file' || current.deleted) throw new Refused(outcome.refusal)
  return { kind: 'update', node: current.id, base: current.version, content, executable: current.executable, mtime }
}

/** Makes a directory, or finds the one that is there. */
export async function ensureDirectory(folder: string, parent: string, name: string, control: Control): Promise<string> {
  const operations = [create(0, parent, name, 'directory', Date.now())]
  const { outcomes } = await send(folder, { uploads: [], operations, manifests: [], data: [] }, control)
  const outcome = outcomes[0]
  if (!outcome) throw new Error('an answer without an outcome')
  if (!('refusal' in outcome)) return nodeId(outcome.node)
  if (outcome.refusal === 'name_taken' && outcome.current?.kind === 'directory') return nodeId(outcome.current.id)
  throw new Refused(outcome.refusal)
}

export interface Small {
  parent: string
  name: string
  mtime: number
  hashed: Hashed & { bytes: Uint8Array<ArrayBuffer> }
}

/** Sends small files in one commit; for each, nothing or why it was refused. */
export async function sendSmall(folder: string, files: Small[], control: Control): Promise<(Refused | undefined)[]> {
  const content = (file: Small): FileContent => ({ id: file.hashed.content, size: file.hashed.bytes.length })
  const bytes = (some: Small[]) => some.map((file) => file.hashed.bytes).filter((one) => one.length > 0)
  const operations = files.map((file, index) => create(index, file.parent, file.name, content(file), file.mtime))
  const first = await send(folder, { uploads: [], operations, manifests: [], data: bytes(files) }, control)
  const results: (Refused | undefined)[] = files.map(() => undefined)
  const again: { index: number; operation: Operation }[] = []
  first.outcomes.forEach((outcome, index) => {
    if (!('refusal' in outcome)) return
    try {
      again.push({ index, operation: instead(outcome, content(files[index]!), files[index]!.mtime) })
    } catch (error) {
      results[index] = error as Refused
    }
  })
  if (again.length > 0) {
    const some = again.map(({ index }) => files[index]!)
    const second = { uploads: [], operations: again.map(({ operation }) => operation), manifests: [], data: bytes(some) }
    const { outcomes } = await send(folder, second, control)
    outcomes.forEach((outcome, index) => {
      if ('refusal' in outcome) results[again[index]!.index] = new Refused(outcome.refusal)
    })
  }
  for (const file of files) control.sent(file.hashed.bytes.length)
  return results
}

/** Open uploads by what they are for, so that a reloaded page goes on where it was. */
const STORED = 'driftless.upload.'

async function openUpload(folder: string, size: number, stored: string, control: Control): Promise<string> {
  const known = localStorage.getItem(stored)
  const body = { size, ...(known ? { upload: known } : {}) }
  const open = () => data(api.POST('/api/v1/folders/{folder}/uploads', { params: { path: { folder } }, body }))
  const { upload } = await insist(control, open)
  localStorage.setItem(stored, upload)
  return upload
}

async function missing(folder: string, ids: string[], control: Control): Promise<Set<string>> {
  const found = new Set<string>()
  for (let start = 0; start < ids.length; start += ASKED_CHUNKS) {
    const body = { chunks: ids.slice(start, start + ASKED_CHUNKS) }
    const ask = () => data(api.POST('/api/v1/folders/{folder}/chunks/missing', { params: { path: { folder } }, body }))
    const answer = await insist(control, ask)
    // What asks in JSON is answered in JSON; a bundle would be for those who ask by one.
    if (typeof answer === 'string') throw new TypeError('an answer of another kind')
    for (const id of answer.missing) found.add(id)
  }
  return found
}

export interface Big {
  parent: string
  name: string
  file: File
  hashed: Hashed
}

/** Sends a file of several chunks. */
export async function sendBig(folder: string, { parent, name, file, hashed }: Big, control: Control): Promise<void> {
  const stored = `${STORED}${folder}.${parent}.${hex(hashed.content)}`
  const upload = unhex(await openUpload(folder, file.size, stored, control))
  const ids = hashed.chunks.map((chunk) => hex(chunk.id))
  const wanted = await missing(folder, [...new Set(ids)], control)
  let batch: Uint8Array[] = []
  const flush = async () => {
    if (batch.length === 0) return
    await send(folder, { uploads: [upload], operations: [], manifests: [], data: batch }, control)
    control.sent(batch.reduce((sum, one) => sum + one.length, 0))
    batch = []
  }
  for (const [index, id] of ids.entries()) {
    if (!wanted.delete(id)) {
      control.sent(hashed.chunks[index]!.length)
      continue
    }
    batch.push(new Uint8Array(await file.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES).arrayBuffer()))
    if (batch.length === BUNDLE_CHUNKS) await flush()
  }
  await flush()
  const content = { id: hashed.content, size: file.size }
  const manifests: Manifest[] = [{ content, chunks: hashed.chunks }]
  const finish = async (operation: Operation) =>
    (await send(folder, { uploads: [upload], operations: [operation], manifests, data: [] }, control)).outcomes[0]
  let outcome = await finish(create(0, parent, name, content, file.lastModified))
  if (outcome && 'refusal' in outcome) outcome = await finish(instead(outcome, content, file.lastModified))
  if (!outcome || 'refusal' in outcome) throw new Refused(outcome?.refusal ?? 'stale')
  localStorage.removeItem(stored)
}
