/** Who is signed in. */
import { Problem, onSignedOut, reach } from './client.ts'

interface Person {
  user: string
  name: string
  administrator: boolean
}

class Session {
  /** Nobody as `null`; not known yet as `undefined`. */
  person = $state.raw<Person | null | undefined>(undefined)

  constructor() {
    onSignedOut(() => (this.person = null))
  }

  async load(): Promise<void> {
    try {
      this.person = await this.#call('GET')
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== 'unauthenticated') throw error
      this.person = null
    }
  }

  async signIn(user: string, password: string): Promise<void> {
    this.person = await this.#call('POST', { user, password, browser: browserName() })
  }

  async signOut(): Promise<void> {
    await reach(new Request(new URL('/api/v1/session', location.origin), { method: 'DELETE' }))
    this.person = null
  }

  async #call(method: string, body?: unknown): Promise<Person> {
    const init: RequestInit = { method }
    if (body !== undefined) {
      init.body = JSON.stringify(body)
      init.headers = { 'content-type': 'application/json' }
    }
    const response = await reach(new Request(new URL('/api/v1/session', location.origin), init))
    return (await response.json()) as Person
  }
}

/** What the list of devices calls this browser. */
function browserName(): string {
  const agent = navigator.userAgent
  const browser = /Edg\/|Firefox\/|Chrome\/|Safari\//.exec(agent)?.[0].slice(0, -1) ?? 'Browser'
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent)?.[0]
  return (browser === 'Edg' ? 'Edge' : browser) + (system ? ` (${system})` : '')
}

export const session = new Session()
