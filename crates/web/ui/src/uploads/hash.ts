/** Asks the worker to name a file's chunks. */
import type { HashAnswer, Hashed, HashRequest } from './hash.worker.ts'
import workerUrl from './hash.worker.ts?worker&url'

/** The file could not be read on this device. */
export class Unreadable extends Error {}

const waiting = new Map<number, { resolve: (hashed: Hashed) => void; reject: (error: Error) => void }>()
let worker: Worker | undefined
let next = 0

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): URL }
}

/** The one script that the page starts by its address; the page's policy knows this rule by its name. */
function start(): Worker {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes
  const only = (url: string) => {
    if (url !== workerUrl) throw new TypeError('only the page’s own worker')
    return url
  }
  const url = types ? types.createPolicy('driftless-worker', { createScriptURL: only }).createScriptURL(workerUrl) : workerUrl
  const started = new Worker(url, { type: 'module' })
  started.onmessage = (event: MessageEvent<HashAnswer>) => {
    const one = waiting.get(event.data.id)
    waiting.delete(event.data.id)
    if ('hashed' in event.data) one?.resolve(event.data.hashed)
    else one?.reject(new Unreadable(event.data.error))
  }
  started.onerror = (event) => {
    for (const one of waiting.values()) one.reject(new Error(event.message))
    waiting.clear()
  }
  return started
}

export function hash(file: File): Promise<Hashed> {
  worker ??= start()
  const request: HashRequest = { id: next++, file }
  return new Promise((resolve, reject) => {
    waiting.set(request.id, { resolve, reject })
    worker?.postMessage(request)
  })
}
