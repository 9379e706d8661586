/** Signing in: the second factor with its codes, a passkey alone, and what an app password reaches. */
import { expect, test, type Page } from '@playwright/test'
import { createHmac } from 'node:crypto'
import { PASSWORD, Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server | undefined
/** Passkeys are for names, and this machine's is `localhost`. */
let url = ''
test.beforeEach(async () => {
  server = await Server.start()
  url = server.url.replace('127.0.0.1', 'localhost')
})
test.afterEach(() => server?.end())

const STEP_MS = 30_000

/** What an authenticator app shows for a secret: RFC 6238. */
function codeOf(secret: string, at: number): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret.replaceAll(' ', '')].map((sign) => digits.indexOf(sign).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / STEP_MS)))
  const tag = createHmac('sha1', key).update(counter).digest()
  const word = tag.readUInt32BE(tag[19]! & 15) & 0x7fffffff
  return String(word % 1_000_000).padStart(6, '0')
}

const button = (page: Page, english: string, deutsch: string) => page.getByRole('button', { name: say(english, deutsch), exact: true })
const section = (page: Page, english: string, deutsch: string) => page.getByRole('region', { name: say(english, deutsch), exact: true })
const password = (page: Page) => page.getByLabel(say('Your password, once more', 'Noch einmal Ihr Passwort'))

async function signOut(page: Page): Promise<void> {
  await button(page, 'Sign out', 'Abmelden').click()
  await expect(button(page, 'Sign in', 'Anmelden')).toBeVisible()
}

async function secondStep(page: Page, code: string): Promise<void> {
  await signIn(page)
  await expect(page.getByRole('heading', { name: say('Second step', 'Zweiter Schritt') })).toBeVisible()
  await tryCode(page, code)
}

async function tryCode(page: Page, code: string): Promise<void> {
  await page.getByLabel('Code').fill(code)
  await button(page, 'Continue', 'Weiter').click()
}

const signedIn = (page: Page) => expect(page.getByRole('link', { name: 'docs', exact: true })).toBeVisible()
const refused = (page: Page) => expect(page.getByRole('alert')).toContainText(say('The code is wrong', 'Der Code ist falsch'))

test('a second factor is set up; its codes sign in once each, recovery codes too', async ({ page }) => {
  const faults = await prepare(page)
  await page.goto(url)
  await signIn(page)
  await signedIn(page)
  await page.goto(`${url}/account`)
  const factor = section(page, 'Second factor', 'Zweiter Faktor')
  await expect(factor).toBeVisible()
  await look(page, 'signin-1-account')
  await button(page, 'Set it up', 'Einrichten').click()
  await password(page).fill(PASSWORD)
  await button(page, 'Continue', 'Weiter').click()
  await expect(page.getByRole('img', { name: /QR/ })).toBeVisible()
  await look(page, 'signin-2-qr')
  const secret = await page.locator('.secret').innerText()
  const appCode = factor.getByLabel(say('Code of the app', 'Code der App'))
  await appCode.fill(codeOf(secret, Date.now() - 10 * STEP_MS))
  await button(page, 'Turn it on', 'Einschalten').click()
  await refused(page)
  const first = Date.now()
  await appCode.fill(codeOf(secret, first))
  await button(page, 'Turn it on', 'Einschalten').click()
  await expect(page.locator('.shown-once')).toBeVisible()
  const codes = (await page.locator('.shown-once').innerText()).split('\n')
  expect(codes).toHaveLength(10)
  await look(page, 'signin-3-recovery-codes')
  await button(page, 'I have kept them', 'Ich habe sie aufbewahrt').click()
  await signOut(page)

  await page.goto(url)
  await secondStep(page, codeOf(secret, first))
  await refused(page)
  await look(page, 'signin-4-second-step')
  // Half a sign-in is none.
  expect((await page.request.get(`${url}/api/v1/session`)).status()).toBe(401)
  const next = codeOf(secret, first + STEP_MS)
  await tryCode(page, next)
  await signedIn(page)
  await signOut(page)
  await secondStep(page, next)
  await refused(page)
  await tryCode(page, codes[0]!)
  await signedIn(page)
  await signOut(page)
  await secondStep(page, codes[0]!)
  await refused(page)
  await tryCode(page, codes[1]!.toUpperCase().replaceAll('-', ' '))
  await signedIn(page)
  await page.goto(`${url}/account`)
  await expect(factor).toContainText('8')
  await button(page, 'Turn it off', 'Ausschalten').click()
  await password(page).fill(PASSWORD)
  await factor.getByLabel(say('Code of the app, or a recovery code', 'Code der App oder ein Wiederherstellungscode')).fill(codes[2]!)
  await look(page, 'signin-5-turn-off')
  await button(page, 'Turn it off', 'Ausschalten').click()
  await expect(button(page, 'Set it up', 'Einrichten')).toBeVisible()
  await signOut(page)
  await page.goto(url)
  await signIn(page)
  await signedIn(page)
  expect(faults).toEqual([])
})

test('a passkey is added and signs in without a password', async ({ page }) => {
  const faults = await prepare(page)
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true } as const
  await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, automaticPresenceSimulation: true } })
  await page.goto(url)
  await signIn(page)
  await signedIn(page)
  await page.goto(`${url}/account`)
  const add = button(page, 'Add a passkey', 'Passkey hinzufügen')
  await add.click()
  const passkeys = section(page, 'Passkeys', 'Passkeys')
  await passkeys.getByLabel(say('What to call it', 'Wie er heißen soll')).fill('<b>key</b>')
  await password(page).fill('not my password')
  await add.click()
  await expect(passkeys.getByRole('alert')).toBeVisible()
  await password(page).fill(PASSWORD)
  await add.click()
  await expect(passkeys.getByText('<b>key</b>')).toBeVisible()
  await look(page, 'signin-6-passkeys')
  await signOut(page)

  const withPasskey = button(page, 'Sign in with a passkey', 'Mit einem Passkey anmelden')
  await look(page, 'signin-7-sign-in')
  await withPasskey.click()
  await expect(page.getByRole('heading', { name: /alice/ })).toBeVisible()
  await expect(passkeys.getByText('<b>key</b>')).toBeVisible()
  page.once('dialog', (dialog) => void dialog.accept())
  await passkeys.getByRole('button', { name: say('Remove: <b>key</b>', 'Entfernen: <b>key</b>') }).click()
  await expect(passkeys.getByText(say('You have none yet.', 'Sie haben noch keinen.'))).toBeVisible()
  await signOut(page)
  await withPasskey.click()
  await expect(page.getByRole('alert')).toContainText(say('not known here', 'nicht mehr bekannt'))
  expect(faults).toEqual([])
})

test('an app password reads what it was made for and nothing else', async ({ page, playwright }) => {
  const faults = await prepare(page)
  await page.goto(url)
  await signIn(page)
  await signedIn(page)
  await page.goto(`${url}/account`)
  await button(page, 'New app password', 'Neues App-Passwort').click()
  const apps = section(page, 'App passwords', 'App-Passwörter')
  await apps.getByLabel('Name').fill('backup program')
  await apps.getByLabel(say('Only in these', 'Nur in diesen')).check()
  await apps.getByLabel('docs').check()
  await password(page).fill(PASSWORD)
  await look(page, 'signin-8-new-app-password')
  await button(page, 'Create', 'Anlegen').click()
  const token = await page.locator('.shown-once').innerText()
  expect(token).toMatch(/^drl_app_/)
  await look(page, 'signin-9-app-password')
  await button(page, 'Done', 'Fertig').click()
  await expect(apps.getByText('backup program', { exact: true })).toBeVisible()

  const program = await playwright.request.newContext({ baseURL: url, extraHTTPHeaders: { authorization: `Bearer ${token}` } })
  const listed = (await (await program.get('/api/v1/folders')).json()) as { folders: { id: string; name: string; privilege: string }[] }
  expect(listed.folders.map(({ name, privilege }) => [name, privilege])).toEqual([['docs', 'read']])
  const folder = listed.folders[0]!.id
  expect((await program.get(`/api/v1/folders/${folder}/changes`)).status()).toBe(200)
  expect((await program.post(`/api/v1/folders/${folder}/uploads`, { data: { size: 1 } })).status()).toBe(403)
  expect((await program.get('/api/v1/account/app-passwords')).status()).toBe(403)
  expect((await program.get('/api/v1/admin/status')).status()).toBe(403)

  page.once('dialog', (dialog) => void dialog.accept())
  await apps.getByRole('button', { name: say('Remove: backup program', 'Entfernen: backup program') }).click()
  await expect(apps.getByText(say('You have none.', 'Sie haben keine.'))).toBeVisible()
  expect((await program.get('/api/v1/folders')).status()).toBe(401)
  await program.dispose()
  expect(faults).toEqual([])
})
