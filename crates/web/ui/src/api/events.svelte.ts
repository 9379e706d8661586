/** What changes elsewhere: a wake for each folder whose journal has grown. Reconnects by itself, slower and slower. */
import { signedOut } from './client.ts'

type Listener = (folder: string) => void

const SLOWEST_MS = 30_000

class Events {
  connected = $state(true)
  readonly #listeners = new Set<Listener>()
  #socket: WebSocket | undefined
  #delay = 500
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Listens while it is wanted; returns how to stop. A folder of `*` says that wakes may have been missed. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  start(): void {
    this.stop()
    const socket = new WebSocket(new URL('/api/v1/events', location.href.replace(/^http/, 'ws')))
    this.#socket = socket
    socket.onopen = () => {
      this.connected = true
      this.#delay = 500
      this.#tell('*')
    }
    socket.onmessage = (event) => {
      const wake: unknown = JSON.parse(String(event.data))
      if (typeof wake === 'object' && wake && 'folder' in wake) this.#tell(String(wake.folder))
      else this.#tell('*')
    }
    socket.onclose = (event) => {
      if (this.#socket !== socket) return
      // This browser was unlinked, or its account disabled.
      if (event.reason === 'unauthenticated') return signedOut()
      this.connected = event.reason === 'reconnect'
      this.#timer = setTimeout(() => this.start(), this.#delay * (0.5 + Math.random()))
      this.#delay = Math.min(this.#delay * 2, SLOWEST_MS)
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
  }

  #tell(folder: string): void {
    this.#listeners.forEach((listener) => listener(folder))
  }
}

export const events = new Events()
