/** Calls of the web API, typed by its OpenAPI document. Who is signed in is known by a cookie that scripts cannot read. */
import createClient from 'openapi-fetch'
import { MEDIA_TYPE, readAnswer, writeCommit, type Answer, type Commit } from './bundle.ts'
import type { components, paths } from './schema.d.ts'

export type Schemas = components['schemas']
export type Folder = Schemas['FolderEntry']
export type Entry = Schemas['PastEntry']
export type Version = Schemas['VersionEntry']
export type Difference = Schemas['DifferenceEntry']
export type Found = Schemas['SearchEntry']
export type Trashed = Schemas['TrashEntry']

/** A refused call: what happened, in the words of RFC 9457. */
export class Problem extends Error {
  readonly status: number
  /** The last word of the problem's type, such as `not_found`; `unreachable` if no answer came. */
  readonly kind: string
  readonly retryAfter: number | undefined
  /** Why, as a word, where the kind has several reasons. */
  readonly reason: string | undefined

  constructor(status: number, kind: string, message: string, retryAfter?: number, reason?: string) {
    super(message)
    this.status = status
    this.kind = kind
    this.retryAfter = retryAfter
    this.reason = reason
  }
}

interface ProblemDocument {
  type?: string
  title?: string
  detail?: string
  retry_after?: number
  reason?: string
}

const signedOutListeners = new Set<() => void>()

/** Tells that nobody is signed in any more. */
export function signedOut(): void {
  signedOutListeners.forEach((listener) => listener())
}

/** Calls when an answer says that nobody is signed in any more. */
export function onSignedOut(listener: () => void): void {
  signedOutListeners.add(listener)
}

export function toProblem(status: number, document: ProblemDocument): Problem {
  const kind = document.type?.split(':').at(-1) ?? 'internal'
  return new Problem(status, kind, document.detail ?? document.title ?? `HTTP ${status}`, document.retry_after, document.reason)
}

/** `fetch` whose failures are problems. */
export async function reach(request: Request): Promise<Response> {
  let response: Response
  try {
    response = await fetch(request)
  } catch (error) {
    if (request.signal.aborted) throw error
    throw new Problem(0, 'unreachable', String(error))
  }
  if (response.ok) return response
  const document: unknown = await response.json().catch(() => ({}))
  const problem = toProblem(response.status, document as ProblemDocument)
  if (problem.kind === 'unauthenticated') signedOut()
  throw problem
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: reach })

/** The answer of a call that cannot have failed: `reach` throws then. */
export async function data<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T
}

async function bundle(url: string, init: RequestInit, operations: number): Promise<Answer> {
  const response = await reach(new Request(new URL(url, location.origin), init))
  return readAnswer(await response.arrayBuffer(), operations)
}

/** Sends a commit; the same key may be sent again. */
export function commit(folder: string, commit: Commit, signal?: AbortSignal): Promise<Answer> {
  const init: RequestInit = { method: 'POST', body: writeCommit(commit), headers: { 'content-type': MEDIA_TYPE } }
  if (signal) init.signal = signal
  return bundle(`/api/v1/folders/${folder}/commits`, init, commit.operations.length)
}

/** One page of what has changed since a cursor. */
export function changes(folder: string, since: string): Promise<Answer> {
  return bundle(`/api/v1/folders/${folder}/changes?since=${encodeURIComponent(since)}`, {}, 0)
}

/** Where the bytes of a file are. */
export function contentUrl(folder: string, node: string, version?: number): string {
  const query = version === undefined ? '' : `?version=${version}`
  return `/api/v1/folders/${folder}/nodes/${node}/content${query}`
}

/** Where several nodes are, as one archive; as of a moment if one is given. */
export function zipUrl(folder: string, nodes: string[], at?: string): string {
  const query = new URLSearchParams({ nodes: nodes.join(','), ...(at === undefined ? {} : { at }) })
  return `/api/v1/folders/${folder}/zip?${query}`
}

/** Lets the browser download an archive, after it was asked whether there can be one: what is refused is said here. */
export async function downloadZip(folder: string, nodes: string[], at?: string): Promise<void> {
  const url = zipUrl(folder, nodes, at)
  await reach(new Request(new URL(url, location.origin), { method: 'HEAD' }))
  const link = document.createElement('a')
  link.href = url
  link.download = ''
  link.click()
}

export function randomBytes(length = 16): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

/** The number in an id such as `n1f`. */
export function idNumber(id: string): bigint {
  return BigInt(`0x${id.slice(1)}`)
}

export function nodeId(number: bigint): string {
  return `n${number.toString(16)}`
}
