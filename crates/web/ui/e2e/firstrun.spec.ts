/**
 * A server on an empty data directory: who has the code from its log sets it up, through all steps, and changes it again in the
 * settings; who has not, reaches nothing.
 */
import { expect, test, type Page } from '@playwright/test'
import { existsSync } from 'node:fs'
import { PASSWORD, Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server | undefined
test.beforeEach(async () => {
  server = await Server.startEmpty()
})
test.afterEach(() => server?.end())

const button = (page: Page, english: string, deutsch: string) => page.getByRole('button', { name: say(english, deutsch), exact: true })
const skip = (page: Page) => page.getByRole('link', { name: say('Skip', 'Überspringen'), exact: true })
const next = (page: Page) => page.getByRole('link', { name: say('Next', 'Weiter'), exact: true })
const heading = (page: Page, english: string, deutsch: string) => page.getByRole('heading', { level: 1, name: say(english, deutsch) })

/** Everything but an answer that the browser itself notes: the server is not set up yet, or says no to what is tried here, or is away for a moment. */
const faultsOf = (faults: string[]) => faults.filter((fault) => !/status of (4\d\d|503)|ERR_CONNECTION_REFUSED/.test(fault))

async function claim(page: Page, code: string): Promise<void> {
  await page.getByLabel(say('Setup code', 'Einrichtungscode')).fill(code)
  await page.getByLabel(say('User name', 'Benutzername')).fill('alice')
  await page.getByLabel(say('Password', 'Passwort'), { exact: true }).fill(PASSWORD)
  await page.getByLabel(say('The same password again', 'Dasselbe Passwort noch einmal')).fill(PASSWORD)
  await button(page, 'Create the account', 'Konto anlegen').click()
}

test('who has the code goes through all steps, and changes them again in the settings', async ({ page }) => {
  const faults = await prepare(page)
  const { url } = server!
  await page.goto(url)
  await expect(page.getByText(say('This server is not set up yet', 'Dieser Server ist noch nicht eingerichtet')).first()).toBeVisible()
  await page.getByText(say('You have a backup', 'Sie haben eine Sicherung')).click()
  await expect(page.getByText('driftless admin backup restore')).toBeVisible()
  await look(page, 'firstrun-1-welcome')
  // The language can be chosen at once, and back.
  const language = page.getByRole('combobox')
  await language.selectOption(say('de', 'en'))
  await expect(page.getByRole('heading', { name: say('Willkommen', 'Welcome') })).toBeVisible()
  await language.selectOption(say('en', 'de'))
  await button(page, 'Next', 'Weiter').click()
  await look(page, 'firstrun-2-administrator')

  await claim(page, 'WDJB-MJHT-WDJB-MJHT')
  await expect(page.getByRole('alert')).toContainText(say('not the code', 'nicht der Code'))
  await claim(page, server!.code().toLowerCase())

  await expect(heading(page, 'Where files live', 'Wo die Dateien liegen')).toBeVisible()
  await expect(page.getByText(say('The server may write here', 'Der Server darf hier schreiben'))).toHaveCount(3)
  await page.getByText(say('Somewhere else?', 'Lieber anderswo?')).click()
  await look(page, 'firstrun-3-files')
  await next(page).click()

  const address = page.getByLabel(say('Public address', 'Öffentliche Adresse'))
  await expect(address).toHaveValue(url)
  await button(page, 'Test it', 'Ausprobieren').click()
  await expect(page.getByText(say('Reached, but the way is not encrypted', 'Erreicht, aber der Weg ist nicht verschlüsselt'))).toBeVisible()
  await look(page, 'firstrun-4-address')
  await address.fill('http://127.0.0.1:9')
  await button(page, 'Test it', 'Ausprobieren').click()
  await expect(page.getByText(say('does not reach itself', 'erreicht sich unter dieser Adresse nicht'))).toBeVisible({ timeout: 20_000 })
  await address.fill('javascript:alert(1)')
  await button(page, 'Save', 'Speichern').click()
  await expect(page.getByRole('alert')).toBeVisible()
  await address.fill(`${url}/`)
  await button(page, 'Save', 'Speichern').click()
  await expect(address).toHaveValue(url)
  await expect(next(page)).toBeVisible()
  await next(page).click()

  await expect(heading(page, 'Shared folder', 'Gemeinsamer Ordner')).toBeVisible()
  await page.getByLabel('Name', { exact: true }).fill('Family <b>photos')
  await page.getByLabel('GiB').fill('1.5')
  await page.getByRole('checkbox').check()
  await look(page, 'firstrun-5-folder')
  await button(page, 'Create the folder', 'Ordner anlegen').click()
  await expect(page.getByText('Family <b>photos')).toBeVisible()
  expect(existsSync(server!.path('folders', 'Family <b>photos'))).toBe(true)
  await look(page, 'firstrun-6-folder-made')
  await next(page).click()

  await expect(heading(page, 'Link a device', 'Ein Gerät verbinden')).toBeVisible()
  await expect(page.getByText(`driftless link ${url}`)).toBeVisible()
  await expect(page.getByRole('img', { name: 'QR' })).toBeVisible()
  await look(page, 'firstrun-7-device')
  await skip(page).click()
  await expect(heading(page, 'Done', 'Geschafft')).toBeVisible()
  await look(page, 'firstrun-8-done')

  // And again, in the settings.
  await page.getByRole('main').getByRole('link', { name: say('Settings', 'Einstellungen') }).click()
  await expect(heading(page, 'Settings', 'Einstellungen')).toBeVisible()
  await expect(page.getByText('limits.connections')).toBeVisible()
  await expect(page.getByText('trusted_proxies')).toBeVisible()
  await look(page, 'firstrun-9-settings')
  const again = page.getByLabel(say('Public address', 'Öffentliche Adresse')).and(page.getByRole('textbox'))
  await expect(again).toHaveValue(url)
  await again.fill('https://files.example.org')
  await button(page, 'Save', 'Speichern').click()
  await expect(page.locator('.setting').first()).toContainText('https://files.example.org')
  await page.getByLabel('Name', { exact: true }).fill('Family <b>photos')
  await button(page, 'Create the folder', 'Ordner anlegen').click()
  await expect(page.getByText(say('folder of that name already', 'Ordner dieses Namens gibt es schon'))).toBeVisible()
  await page.getByLabel('Name', { exact: true }).fill('work')
  await button(page, 'Create the folder', 'Ordner anlegen').click()
  await expect(page.getByText(say('The folder work is there.', 'Der Ordner work ist da.'))).toBeVisible()
  await page.goto(`${url}/`)
  await expect(page.getByRole('link', { name: 'work', exact: true })).toBeVisible()
  expect(faultsOf(faults)).toEqual([])
})

test('every step can be skipped, and somebody who changes settings meanwhile is noticed', async ({ page }) => {
  const faults = await prepare(page)
  const { url } = server!
  await page.goto(url)
  await button(page, 'Next', 'Weiter').click()
  await claim(page, server!.code())
  await next(page).click()
  for (const [english, deutsch] of [
    ['Public address', 'Öffentliche Adresse'],
    ['Shared folder', 'Gemeinsamer Ordner'],
    ['Link a device', 'Ein Gerät verbinden'],
  ] as const) {
    await expect(heading(page, english, deutsch)).toBeVisible()
    await skip(page).click()
  }
  await expect(heading(page, 'Done', 'Geschafft')).toBeVisible()
  await page.goto(`${url}/setup/device`)
  await expect(page.getByText(say('No public address is chosen', 'Es ist keine öffentliche Adresse gewählt'))).toBeVisible()

  await page.goto(`${url}/settings`)
  const address = page.getByLabel(say('Public address', 'Öffentliche Adresse')).and(page.getByRole('textbox'))
  await expect(address).toHaveValue(url)
  const status = await page.evaluate(async () => {
    const body = JSON.stringify({ public_address: 'https://other.example' })
    return (await fetch('/api/v1/admin/settings', { method: 'PUT', body, headers: { 'content-type': 'application/json' } })).status
  })
  expect(status).toBe(200)
  await address.fill('https://mine.example')
  await button(page, 'Save', 'Speichern').click()
  await expect(page.getByRole('alert')).toContainText(say('changed the settings meanwhile', 'inzwischen geändert'))
  await expect(address).toHaveValue('https://other.example')

  // It is over for good, also after a restart; and the account is one to sign in with.
  await server!.restart()
  expect(() => server!.code()).toThrow()
  await page.context().clearCookies()
  await page.goto(`${server!.url}/setup/files`)
  await signIn(page)
  await expect(heading(page, 'Where files live', 'Wo die Dateien liegen')).toBeVisible()
  expect(faultsOf(faults)).toEqual([])
})

test('without the code nothing is reachable, and another start makes another code', async ({ page }) => {
  const faults = await prepare(page)
  const { url } = server!
  for (const path of ['/', '/overview', '/settings', '/setup/files', '/files/f1', '/devices']) {
    await page.goto(url + path)
    await expect(button(page, 'Next', 'Weiter')).toBeVisible()
    await expect(page.getByRole('navigation')).toHaveCount(0)
  }
  const statuses = await page.evaluate(async () => {
    const paths = ['folders', 'session', 'admin/status', 'admin/settings', 'admin/storage', 'address', 'setup']
    return Promise.all(paths.map(async (path) => (await fetch(`/api/v1/${path}`)).status))
  })
  expect(statuses).toEqual([503, 503, 503, 503, 503, 503, 200])
  const before = server!.code()
  await server!.restart()
  // It says where it listens first.
  await expect(() => expect(server!.code()).not.toBe(before)).toPass()
  await page.goto(server!.url)
  await button(page, 'Next', 'Weiter').click()
  await claim(page, before)
  await expect(page.getByRole('alert')).toContainText(say('not the code', 'nicht der Code'))
  // Somebody at the machine is faster than the page.
  server!.admin(['init', '--user', 'alice', '--password-stdin'], `${PASSWORD}\n`)
  await claim(page, server!.code())
  await expect(button(page, 'Sign in', 'Anmelden')).toBeVisible()
  await signIn(page)
  await expect(page.getByRole('heading', { name: say('Shared folders', 'Gemeinsame Ordner') })).toBeVisible()
  expect(faultsOf(faults)).toEqual([])
})
