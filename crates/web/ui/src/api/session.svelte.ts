/** Who is signed in. */
import { api, data, onSignedOut, Problem, type Schemas } from './client.ts'
import { use } from './passkeys.ts'
import type { Returned } from './sso.ts'

type Person = Schemas['SessionResponse']

class Session {
  /** Nobody as `null`; not known yet as `undefined`. */
  person = $state.raw<Person | null | undefined>(undefined)

  /** Whether the server waits for its first administrator. */
  unfinished = $state(false)

  constructor() {
    onSignedOut(() => (this.person = null))
  }

  async load(): Promise<void> {
    try {
      this.person = await data(api.GET('/api/v1/session'))
    } catch (error) {
      if (!(error instanceof Problem) || !['unauthenticated', 'not_set_up'].includes(error.kind)) throw error
      this.unfinished = error.kind === 'not_set_up'
      this.person = null
    }
  }

  /** Gives what the second step needs, where there is one. */
  async signIn(user: string, password: string): Promise<string | undefined> {
    const body = { user, password, browser: browserName() }
    const answer = await data(api.POST('/api/v1/session', { body }))
    if ('pending' in answer) return answer.pending
    this.person = answer
    return undefined
  }

  /** The second step. */
  async finish(pending: string, code: string): Promise<void> {
    const body = { pending, code, browser: browserName() }
    this.person = await data(api.POST('/api/v1/session/second-factor', { body }))
  }

  /** Without name and password. Nothing happens if the person changes their mind. */
  async signInByPasskey(): Promise<void> {
    const { ceremony, options } = await data(api.POST('/api/v1/session/passkey/begin'))
    const credential = await use(options)
    if (!credential) return
    const body = { ceremony, credential, browser: browserName() }
    this.person = await data(api.POST('/api/v1/session/passkey', { body }))
  }

  /** With what a provider has sent the browser back with. Gives what the second step needs, where there is one. */
  async signInByProvider({ state, code, issuer }: Returned): Promise<string | undefined> {
    const body = { state, code, ...(issuer === undefined ? {} : { issuer }), browser: browserName() }
    const answer = await data(api.POST('/api/v1/session/single-sign-on', { body }))
    if ('pending' in answer) return answer.pending
    this.person = answer
    return undefined
  }

  /** Becomes the first administrator, for who has the server's code. */
  async setUp(code: string, user: string, password: string): Promise<void> {
    try {
      this.person = await data(api.POST('/api/v1/setup', { body: { code, user, password, browser: browserName() } }))
      this.unfinished = false
    } catch (error) {
      // Somebody else was faster.
      if (error instanceof Problem && error.kind === 'not_found') this.unfinished = false
      throw error
    }
  }

  async signOut(): Promise<void> {
    await api.DELETE('/api/v1/session')
    this.person = null
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
