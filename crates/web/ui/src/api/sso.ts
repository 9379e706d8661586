/** Single sign-on: away to the provider, and back to `/sign-in/callback`. What a provider says is never shown. */
import { api, data } from './client.ts'

/** What is remembered while the browser is away. */
interface Away {
  purpose: 'sign-in' | 'connect'
  /** The place to go on at: a path of this page. */
  back: string
}

const KEY = 'driftless-sign-in'

/** What the button says; nothing if there is no provider. */
export async function offer(): Promise<string | undefined> {
  return (await data(api.GET('/api/v1/session/single-sign-on'))).button
}

/** Goes to the provider, to sign in. */
export async function leaveToSignIn(): Promise<void> {
  leave('sign-in', (await data(api.POST('/api/v1/session/single-sign-on/begin'))).address)
}

/** Goes to the provider, to connect one's own account. */
export async function leaveToConnect(password: string): Promise<void> {
  leave('connect', (await data(api.POST('/api/v1/account/single-sign-on/begin', { body: { password } }))).address)
}

function leave(purpose: Away['purpose'], address: string): void {
  if (!/^https?:/.test(address)) throw new Error(address)
  const here = location.pathname.startsWith('/sign-in/') ? '/' : location.pathname
  sessionStorage.setItem(KEY, JSON.stringify({ purpose, back: here } satisfies Away))
  location.assign(address)
}

/** What the provider has sent the browser back with; it is taken out of the address, and good once. */
export interface Returned extends Away {
  state: string
  code: string
  issuer?: string
  /** Whether the person, or the provider, did not want to. */
  refused: boolean
}

export function takeReturned(): Returned {
  const said = new URLSearchParams(location.search)
  history.replaceState(null, '', location.pathname)
  const away = readAway()
  sessionStorage.removeItem(KEY)
  const issuer = said.get('iss')
  return {
    ...away,
    state: said.get('state') ?? '',
    code: said.get('code') ?? '',
    ...(issuer === null ? {} : { issuer }),
    refused: said.has('error') || !said.has('code'),
  }
}

function readAway(): Away {
  try {
    const { purpose, back } = JSON.parse(sessionStorage.getItem(KEY) ?? '') as Away
    const own = new URL(back, location.origin)
    if (own.origin === location.origin) return { purpose: purpose === 'connect' ? purpose : 'sign-in', back: own.pathname }
  } catch {
    // Nothing was kept, or nothing of ours.
  }
  return { purpose: 'sign-in', back: '/' }
}
