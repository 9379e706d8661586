/**
 * Bundles: what uploads send and commits answer, as docs/bundle-format.md has it.
 *
 * Only the records that the page needs. A length is checked before anything is read by it, and what is malformed throws.
 */
import { decompress } from 'fzstd'

export const MEDIA_TYPE = 'application/vnd.driftless.bundle'
/** The most bytes of a chunk. */
export const CHUNK_BYTES = 1 << 20

const MAGIC = [0x44, 0x52, 0x49, 0x46, 0x54, 0x4c, 0x53, 0x01]
const RECORD_BYTES = 2 << 20
const METADATA_BYTES = 256 << 10
/** Entries of a manifest that surely fit one record. */
const MANIFEST_PART = 4_096

const HEAD = 0x01
const OPERATIONS = 0x02
const MANIFEST = 0x03
const BLOCK = 0x05
const RESULT = 0x06
const OUTCOMES = 0x07
const NODES = 0x08
const PAGE_END = 0x09
const PROBLEM = 0x7e
const END = 0x7f

export const REFUSALS = [
  'stale',
  'gone',
  'name_taken',
  'forbidden',
  'quota',
  'too_large',
  'bad_name',
  'chunk_missing',
  'dependency',
  'held',
] as const
export type Refusal = (typeof REFUSALS)[number]

export interface Chunk {
  id: Uint8Array
  length: number
}

export interface FileContent {
  id: Uint8Array
  size: number
}

export interface Attributes {
  executable: boolean
  /** Milliseconds since 1970. */
  mtime: number
}

export type Operation =
  | ({ kind: 'create'; temporary: number; parent: bigint; name: string; content: FileContent | 'directory' } & Attributes)
  | ({ kind: 'update'; node: bigint; base: bigint; content: FileContent } & Attributes)
  | { kind: 'move'; node: bigint; base: bigint; parent: bigint; name: string }
  | { kind: 'remove'; node: bigint; placement: bigint; version: bigint }
  /** Of the newest version; within the folder. */
  | { kind: 'copy'; temporary: number; source: bigint; parent: bigint; name: string }

export interface Manifest {
  content: FileContent
  chunks: Chunk[]
}

/** What a commit is to do; each operation is a group of its own. */
export interface Commit {
  key: Uint8Array
  uploads: Uint8Array[]
  operations: Operation[]
  manifests: Manifest[]
  data: Uint8Array[]
}

export interface Node {
  id: bigint
  parent: bigint
  name: string
  kind: 'directory' | 'file' | 'link'
  size: number
  executable: boolean
  mtime: number
  placement: bigint
  version: bigint
  deleted: boolean
}

export type Outcome = { node: bigint; placement: bigint; version: bigint } | { refusal: Refusal; current: Node | undefined }

export class MalformedBundle extends Error {}

class Writer {
  readonly #parts: Uint8Array[] = []
  #small: number[] = []

  byte(value: number): this {
    this.#small.push(value)
    return this
  }

  varint(value: number | bigint): this {
    let left = BigInt(value)
    while (left > 0x7fn) {
      this.#small.push(Number(left & 0x7fn) | 0x80)
      left >>= 7n
    }
    return this.byte(Number(left))
  }

  /** Milliseconds as nanoseconds in zigzag. */
  moment(milliseconds: number): this {
    const nanoseconds = BigInt(Math.round(milliseconds)) * 1_000_000n
    return this.varint(nanoseconds >= 0 ? 2n * nanoseconds : -2n * nanoseconds - 1n)
  }

  bytes(value: Uint8Array): this {
    if (this.#small.length > 0) {
      this.#parts.push(Uint8Array.from(this.#small))
      this.#small = []
    }
    this.#parts.push(value)
    return this
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value)
    return this.varint(bytes.length).bytes(bytes)
  }

  get length(): number {
    return this.#parts.reduce((sum, part) => sum + part.length, this.#small.length)
  }

  parts(): Uint8Array[] {
    return [...this.#parts, Uint8Array.from(this.#small)]
  }
}

function metadata(): Writer {
  return new Writer().byte(0)
}

function writeParent(writer: Writer, parent: bigint): void {
  writer.varint(0).varint(parent)
}

function writeContent(writer: Writer, content: FileContent | 'directory'): void {
  if (content === 'directory') writer.varint(0)
  else writer.varint(1).bytes(content.id).varint(content.size)
}

function writeOperation(writer: Writer, operation: Operation): void {
  writer.byte(1)
  switch (operation.kind) {
    case 'create':
      writer.varint(0).varint(operation.temporary)
      writeParent(writer, operation.parent)
      writeContent(writer.text(operation.name), operation.content)
      writer.byte(operation.executable ? 1 : 0).moment(operation.mtime)
      break
    case 'update':
      writer.varint(1).varint(operation.node).varint(operation.base)
      writeContent(writer, operation.content)
      writer.byte(operation.executable ? 1 : 0).moment(operation.mtime)
      break
    case 'move':
      writer.varint(3).varint(operation.node).varint(operation.base)
      writeParent(writer, operation.parent)
      writer.text(operation.name)
      break
    case 'remove':
      writer.varint(4).varint(operation.node).varint(operation.placement).varint(operation.version)
      break
    case 'copy':
      writer.varint(5).varint(operation.temporary).varint(operation.source).byte(0)
      writeParent(writer, operation.parent)
      writer.text(operation.name)
  }
}

function manifestParts({ content, chunks }: Manifest): Writer[] {
  const parts: Writer[] = []
  for (let start = 0; start < chunks.length; start += MANIFEST_PART) {
    const some = chunks.slice(start, start + MANIFEST_PART)
    const part = metadata().bytes(content.id).varint(content.size).byte(0).varint(1).varint(1).varint(some.length)
    for (const chunk of some) part.bytes(chunk.id).varint(chunk.length)
    parts.push(part.byte(start + MANIFEST_PART >= chunks.length ? 1 : 0))
  }
  return parts
}

/** The bundle of a commit, for a request's body. */
export function writeCommit(commit: Commit): Blob {
  const records: [number, Writer][] = []
  const head = metadata().bytes(commit.key).varint(commit.uploads.length)
  for (const upload of commit.uploads) head.bytes(upload)
  head.varint(commit.operations.length).varint(commit.operations.length)
  head.varint(commit.data.reduce((sum, data) => sum + data.length, 0))
  records.push([HEAD, head.text('driftless-web').text('1')])
  // An operation takes a few hundred bytes: names have 255 at the most.
  for (let start = 0; start < commit.operations.length; start += 256) {
    const some = commit.operations.slice(start, start + 256)
    const list = metadata().varint(some.length)
    for (const operation of some) writeOperation(list, operation)
    records.push([OPERATIONS, list])
  }
  for (const manifest of commit.manifests) {
    for (const part of manifestParts(manifest)) records.push([MANIFEST, part])
  }
  for (const data of commit.data) {
    records.push([BLOCK, metadata().byte(0).varint(1).varint(data.length).bytes(data)])
  }
  const out = new Writer().bytes(Uint8Array.from(MAGIC))
  for (const [type, payload] of records) {
    out.byte(type).varint(payload.length + 1).byte(1)
    for (const part of payload.parts()) out.bytes(part)
  }
  const end = new Writer().varint(records.length)
  out.byte(END).varint(end.length + 1).byte(1)
  for (const part of end.parts()) out.bytes(part)
  return new Blob(out.parts() as BlobPart[], { type: MEDIA_TYPE })
}

class Reader {
  #at = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new MalformedBundle('it ends too soon')
    return byte
  }

  big(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new MalformedBundle('a number is too long')
  }

  count(): number {
    const value = this.big()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedBundle('a number is too big')
    return Number(value)
  }

  signed(): bigint {
    const value = this.big()
    return value & 1n ? -(value >> 1n) - 1n : value >> 1n
  }

  bytes(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new MalformedBundle('it ends too soon')
    return this.#bytes.subarray(this.#at, (this.#at += length))
  }

  text(): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.bytes(this.count()))
  }

  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at)
  }
}

function openMetadata(payload: Reader): Reader {
  if (payload.byte() === 0) return payload
  const length = payload.count()
  if (length > METADATA_BYTES) throw new MalformedBundle('a record is too long')
  const plain = decompress(payload.rest(), new Uint8Array(length))
  return new Reader(plain)
}

function readNode(from: Reader): Node {
  const [id, parent, name] = [from.big(), from.big(), from.text()]
  const kind = (['directory', 'file', 'link'] as const)[from.count()]
  let size = 0
  if (kind === undefined) throw new MalformedBundle('an unknown kind of node')
  if (kind === 'file') {
    from.bytes(32)
    size = from.count()
  } else if (kind === 'link') {
    from.bytes(from.count())
  }
  const executable = from.byte() === 1
  const mtime = Number(from.signed() / 1_000_000n)
  const seq = from.big()
  const number = () => BigInt.asUintN(64, seq - from.big())
  return { id, parent, name, kind, size, executable, mtime, placement: number(), version: number(), deleted: from.byte() === 1 }
}

function readOutcomes(from: Reader, most: number): Outcome[] {
  const applied: { groups: number; operations: number }[] = []
  const order: (number | Outcome)[] = []
  for (let runs = from.count(); runs > 0; runs--) {
    if (from.count() === 0) {
      applied.push({ groups: from.count(), operations: from.count() })
      order.push(applied.length - 1)
    } else {
      from.count()
      const refusal = REFUSALS[from.byte()] ?? 'stale'
      order.push({ refusal, current: from.byte() === 1 ? readNode(from) : undefined })
    }
  }
  const entries: Outcome[] = []
  for (let runs = from.count(); runs > 0; runs--) {
    const count = from.count()
    if (count + entries.length > most) throw new MalformedBundle('more outcomes than operations')
    const [node, nodeStep, placement, placementStep] = [from.big(), from.signed(), from.big(), from.signed()]
    const [version, versionStep] = [from.big(), from.signed()]
    for (let n = 0n; n < BigInt(count); n++) {
      entries.push({
        node: BigInt.asUintN(64, node + n * nodeStep),
        placement: BigInt.asUintN(64, placement + n * placementStep),
        version: BigInt.asUintN(64, version + n * versionStep),
      })
    }
  }
  const outcomes: Outcome[] = []
  let at = 0
  for (const item of order) {
    if (typeof item !== 'number') {
      outcomes.push(item)
      continue
    }
    const run = applied[item]!
    // The page's groups have one operation each.
    if (run.operations !== 1 || run.groups > most) throw new MalformedBundle('an outcome of other groups')
    outcomes.push(...entries.slice(at, at + run.groups))
    at += run.groups
  }
  return outcomes
}

export interface Answer {
  outcomes: Outcome[]
  nodes: Node[]
  cursor: string | undefined
  more: boolean
}

/** An answer to a commit of `operations` operations, or a page of changes. */
export function readAnswer(buffer: ArrayBuffer, operations = 0): Answer {
  const bytes = new Uint8Array(buffer)
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) throw new MalformedBundle('it is no bundle')
  const stream = new Reader(bytes.subarray(MAGIC.length))
  const answer: Answer = { outcomes: [], nodes: [], cursor: undefined, more: false }
  for (;;) {
    const type = stream.byte()
    const length = stream.count()
    if (length > RECORD_BYTES) throw new MalformedBundle('a record is too long')
    const payload = new Reader(stream.bytes(length))
    if (type >= 0x80) continue
    payload.byte()
    if (type === END) break
    if (type === PROBLEM) throw new MalformedBundle(new TextDecoder().decode(payload.rest()))
    readRecord(type, openMetadata(payload), answer, operations)
  }
  if (!stream.done) throw new MalformedBundle('something follows its end')
  return answer
}

function readRecord(type: number, from: Reader, answer: Answer, operations: number): void {
  if (type === OUTCOMES) {
    answer.outcomes.push(...readOutcomes(from, operations))
  } else if (type === NODES) {
    for (let count = from.count(); count > 0; count--) answer.nodes.push(readNode(from))
  } else if (type === PAGE_END) {
    answer.cursor = from.text()
    from.big()
    answer.more = from.byte() === 1
  } else if (type !== RESULT) {
    throw new MalformedBundle('an unknown record')
  }
}
