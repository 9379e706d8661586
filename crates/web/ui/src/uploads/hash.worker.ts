/** Names the chunks of a file by BLAKE3, beside the page, which stays free for people. */
import { blake3 } from '@noble/hashes/blake3.js'
import { CHUNK_BYTES, type Chunk } from '../api/bundle.ts'

export interface HashRequest {
  id: number
  file: File
}
export interface Hashed {
  chunks: Chunk[]
  content: Uint8Array
  /** The bytes of a file of one chunk: read once, so that they are those that were named. */
  bytes: Uint8Array<ArrayBuffer> | undefined
}
export type HashAnswer = { id: number } & ({ hashed: Hashed } | { error: string })

const MANIFEST_CONTEXT = 'driftless 2026-11-21 manifest v1'

async function hash(file: File): Promise<Hashed> {
  if (file.size <= CHUNK_BYTES) {
    const bytes = new Uint8Array(await file.arrayBuffer())
    const id = blake3(bytes)
    return { chunks: bytes.length > 0 ? [{ id, length: bytes.length }] : [], content: id, bytes }
  }
  const chunks: Chunk[] = []
  for (let start = 0; start < file.size; start += CHUNK_BYTES) {
    const bytes = new Uint8Array(await file.slice(start, start + CHUNK_BYTES).arrayBuffer())
    chunks.push({ id: blake3(bytes), length: bytes.length })
  }
  return { chunks, content: manifestId(chunks), bytes: undefined }
}

/** The name of a content of several chunks: over their ids and lengths. */
export function manifestId(chunks: Chunk[]): Uint8Array {
  const list = new Uint8Array(chunks.length * 36)
  const view = new DataView(list.buffer)
  chunks.forEach((chunk, index) => {
    list.set(chunk.id, index * 36)
    view.setUint32(index * 36 + 32, chunk.length, true)
  })
  return blake3(list, { context: new TextEncoder().encode(MANIFEST_CONTEXT) })
}

self.onmessage = async (event: MessageEvent<HashRequest>) => {
  const { id, file } = event.data
  try {
    const hashed = await hash(file)
    self.postMessage({ id, hashed } satisfies HashAnswer, hashed.bytes ? { transfer: [hashed.bytes.buffer] } : {})
  } catch (error) {
    self.postMessage({ id, error: String(error) } satisfies HashAnswer)
  }
}
