/** A real OpenID Connect provider on this machine (`oidc-provider`), with a sign-in page of its own and groups. */
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { AddressInfo } from 'node:net'

export const CLIENT = { id: 'driftless', secret: 'a-secret-of-the-story' }

interface Interaction {
  prompt: { name: string; details: { missingOIDCScope?: string[] } }
  params: { client_id: string }
  session?: { accountId: string }
  grantId?: string
}

/** As much of the package as is used here: it comes without types. */
interface Oidc {
  callback(): (request: object, response: object) => Promise<void>
  interactionDetails(request: object, response: object): Promise<Interaction>
  interactionFinished(request: object, response: object, result: object, how: object): Promise<void>
  Grant: new (of: object) => { addOIDCScope(scopes: string): void; save(): Promise<string> }
}

export class Provider {
  issuer = ''
  /** The groups of each person, by the name they sign in with. */
  groups: Record<string, string[]> = {}
  #server: Server | undefined
  #port = 0
  readonly #back: string

  private constructor(back: string) {
    this.#back = back
  }

  /** Sends browsers back to the page of this server. */
  static async start(server: string): Promise<Provider> {
    const provider = new Provider(`${server}/sign-in/callback`)
    await provider.up()
    return provider
  }

  /** Where it was before, if it was anywhere. */
  async up(): Promise<void> {
    const path = createRequire(import.meta.url).resolve('oidc-provider')
    const { default: Provider } = (await import(pathToFileURL(path).href)) as { default: new (issuer: string, how: object) => Oidc }
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#server = server
    this.#port = (server.address() as AddressInfo).port
    this.issuer = `http://127.0.0.1:${this.#port}`
    const oidc = new Provider(this.issuer, {
      clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [this.#back] }],
      claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
      cookies: { keys: ['of the story'] },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_: object, { uid }: { uid: string }) => `/interaction/${uid}` },
      findAccount: (_: object, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, preferred_username: id, groups: this.groups[id] ?? [] }),
      }),
    })
    const callback = oidc.callback()
    server.on('request', (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', this.issuer)
      const answer = pathname.startsWith('/interaction/') ? interact(oidc, request, response, searchParams) : callback(request, response)
      answer.catch((error: unknown) => {
        response.statusCode = 500
        response.end(String(error))
      })
    })
  }

  async down(): Promise<void> {
    const server = this.#server
    if (!server) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    this.#server = undefined
  }
}

/** Asks who it is, or takes the answer; consent is given with it. */
async function interact(
  oidc: Oidc,
  request: object,
  response: { setHeader(name: string, value: string): void; end(text: string): void },
  said: URLSearchParams,
): Promise<void> {
  const details = await oidc.interactionDetails(request, response)
  const name = said.get('name') ?? details.session?.accountId
  if (said.has('cancel')) {
    const refused = { error: 'access_denied', error_description: '<img src=x onerror=alert(1)>' }
    return oidc.interactionFinished(request, response, refused, { mergeWithLastSubmission: false })
  }
  if (name === undefined || (details.prompt.name === 'login' && !said.has('name'))) {
    response.setHeader('content-type', 'text/html')
    response.end('<link rel="icon" href="data:,"><form><label>Who are you? <input name="name" required></label><button>Yes</button><button name="cancel" value="1" formnovalidate>No</button></form>')
    return
  }
  const grant = new oidc.Grant({ accountId: name, clientId: details.params.client_id })
  grant.addOIDCScope('openid profile')
  const result = { login: { accountId: name }, consent: { grantId: await grant.save() } }
  return oidc.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
}
