/** An administrator makes people, groups and folders and says who may do what; whom it concerns sees it at once. */
import { expect, test, type Browser, type Page } from '@playwright/test'
import { writeCommit } from '../src/api/bundle.ts'
import { PASSWORD, Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server | undefined
test.beforeEach(async () => {
  server = await Server.start()
})
test.afterEach(() => server?.end())

const HOSTILE = 'Berta <b>bold'
const SECRET = 'a password of her own'

const button = (page: Page, english: string, deutsch: string) => page.getByRole('button', { name: say(english, deutsch), exact: true })
const dialog = (page: Page) => page.getByRole('dialog')

/** Somebody else, in a browser of their own. */
async function another(browser: Browser): Promise<{ page: Page; faults: string[] }> {
  const { viewport, colorScheme, locale, hasTouch, isMobile } = test.info().project.use
  const context = await browser.newContext({
    viewport: viewport ?? null,
    colorScheme: colorScheme ?? 'light',
    locale: locale ?? 'en-GB',
    hasTouch: hasTouch ?? false,
    isMobile: isMobile ?? false,
  })
  const page = await context.newPage()
  return { page, faults: await prepare(page) }
}

/** What the server says to a commit that this person's own browser sends. */
async function commit(page: Page, folder: string): Promise<number> {
  const key = new Uint8Array(16).fill(7)
  const operations = [{ kind: 'create' as const, temporary: 0, parent: 1n, name: 'mine', content: 'directory' as const, executable: false, mtime: 0 }]
  const bundle = writeCommit({ key, uploads: [], operations, manifests: [], data: [] })
  const body = Array.from(new Uint8Array(await bundle.arrayBuffer()))
  return page.evaluate(
    async ([folder, body]) => {
      const headers = { 'content-type': 'application/vnd.driftless.bundle' }
      const answer = await fetch(`/api/v1/folders/${folder}/commits`, { method: 'POST', headers, body: new Uint8Array(body) })
      return answer.status
    },
    [folder, body] as const,
  )
}

test('an administrator decides who may do what, and it holds at once', async ({ page, browser }) => {
  const faults = await prepare(page)
  const { url } = server!
  await page.goto(url)
  await signIn(page)
  await expect(page.getByRole('link', { name: 'docs', exact: true })).toBeVisible()

  // A user, whose name is shown as it is typed.
  await page.goto(`${url}/people`)
  await expect(page.getByText('alice').last()).toBeVisible()
  await button(page, 'New user', 'Neuer Benutzer').click()
  await dialog(page).getByLabel(say('User name', 'Benutzername')).fill('alice')
  await dialog(page).getByLabel(say('Password', 'Passwort')).fill(PASSWORD)
  await look(page, 'people-1-new-user')
  await button(page, 'Create', 'Anlegen').click()
  await expect(dialog(page).getByRole('alert')).toHaveText(say('There is something of this name already.', 'Etwas mit diesem Namen gibt es schon.'))
  await dialog(page).getByLabel(say('User name', 'Benutzername')).fill('Berta')
  await button(page, 'Create', 'Anlegen').click()
  await expect(dialog(page)).toHaveCount(0)
  await expect(page.getByRole('listitem').filter({ hasText: 'Berta' })).toBeVisible()
  server!.admin(['user', 'add', HOSTILE, '--password-stdin', '--no-home'], `${SECRET}\n`)

  // A group with her in it.
  await button(page, 'Groups', 'Gruppen').click()
  await button(page, 'New group', 'Neue Gruppe').click()
  await dialog(page).getByLabel('Name').fill('Builders')
  await button(page, 'Create', 'Anlegen').click()
  await button(page, 'Edit Builders', 'Builders bearbeiten').click()
  await dialog(page).getByLabel(say('Add somebody', 'Jemanden hinzufügen')).fill('bert')
  await look(page, 'people-2-group')
  await dialog(page).getByRole('button', { name: 'Berta', exact: true }).click()
  await expect(dialog(page).getByRole('listitem')).toHaveCount(1)
  await page.keyboard.press('Escape')
  await expect(page.getByText(say('1 member', '1 Mitglied'))).toBeVisible()
  await look(page, 'people-3-groups')

  // Her quota, rates and login.
  await button(page, 'Users', 'Benutzer').click()
  await expect(page.getByText(say('In Builders', 'In Builders'))).toBeVisible()
  await look(page, 'people-4-users')
  await page.getByLabel(say('Search by name', 'Nach Namen suchen')).fill('BERTA')
  await expect(page.getByRole('listitem').filter({ hasText: 'alice' })).toHaveCount(0)
  await button(page, 'Edit Berta', 'Berta bearbeiten').click()
  await dialog(page).getByLabel(say('Quota', 'Speichergrenze'), { exact: true }).selectOption('limited')
  await dialog(page).getByLabel(say('Quota: Size', 'Speichergrenze: Größe')).fill('1.5')
  await dialog(page).getByLabel(say('Quota: Unit', 'Speichergrenze: Einheit')).selectOption('GiB')
  await dialog(page).getByLabel(say('Upload', 'Hochladen'), { exact: true }).selectOption('to')
  await look(page, 'people-5-user')
  await button(page, 'Save', 'Speichern').click()
  await expect(page.getByText(say('of 1.5 GiB used', 'von 1,5 GiB belegt'))).toBeVisible()

  // A shared folder on which the group may read.
  await page.goto(`${url}/shared-folders`)
  await button(page, 'New shared folder', 'Neuer gemeinsamer Ordner').click()
  await dialog(page).getByLabel('Name').fill('plans')
  await look(page, 'people-6-new-folder')
  await button(page, 'Create', 'Anlegen').click()
  const add = dialog(page).getByLabel(say('Add a user or group', 'Benutzer oder Gruppe hinzufügen'))
  await add.fill('buil')
  await dialog(page).getByRole('button', { name: /^Builders/ }).click()
  await button(page, 'Save', 'Speichern').click()
  const effective = dialog(page).getByRole('region', { name: say('What people may do in the end', 'Was Personen am Ende dürfen') })
  await expect(effective.getByRole('listitem')).toHaveText(new RegExp(`Berta.*Builders.*${say('May read', 'Darf lesen')}`, 's'))
  await look(page, 'people-7-privileges')
  await page.keyboard.press('Escape')
  await look(page, 'people-8-folders')
  await button(page, 'Edit plans', 'plans bearbeiten').click()
  await dialog(page).getByLabel(say('Versions of a file that are kept', 'Versionen einer Datei, die behalten werden')).fill('7')
  await look(page, 'people-9-folder')
  await button(page, 'Save', 'Speichern').click()
  await expect(dialog(page)).toHaveCount(0)

  // She signs in elsewhere, and may only read.
  const { page: hers, faults: herFaults } = await another(browser)
  await hers.goto(url)
  await signIn(hers, 'Berta')
  await hers.getByRole('link', { name: 'plans', exact: true }).click()
  await expect(hers.getByText(say('This directory is empty.', 'Dieses Verzeichnis ist leer.'), { exact: true })).toBeVisible()
  await expect(hers.getByLabel(say('Upload files', 'Dateien hochladen'))).toHaveCount(0)
  await look(hers, 'people-10-reader')
  const folder = new URL(hers.url()).pathname.split('/').at(-1)!
  expect(await commit(hers, folder)).toBe(403)
  const answer = await hers.evaluate(async () => (await fetch('/api/v1/admin/users')).status)
  expect(answer).toBe(403)
  await expect(hers.getByRole('link', { name: say('People', 'Personen') })).toHaveCount(0)

  // Her privilege grows while she looks.
  await button(page, 'Privileges on plans', 'Rechte an plans').click()
  await dialog(page).getByLabel(say('Privilege of Builders', 'Recht von Builders'), { exact: true }).selectOption('write')
  const began = Date.now()
  await button(page, 'Save', 'Speichern').click()
  await expect(hers.getByLabel(say('Upload files', 'Dateien hochladen'))).toHaveCount(1)
  test.info().annotations.push({ type: 'privilege seen after', description: `${Date.now() - began} ms` })
  expect(await commit(hers, folder)).toBe(200)
  await page.keyboard.press('Escape')

  // As a manager of the folder she reaches its privileges from her own list.
  server!.admin(['folder', 'grant', 'plans', 'Berta', 'manage'])
  await hers.getByRole('link', { name: say('Files', 'Dateien'), exact: true }).first().click()
  await hers.getByRole('button', { name: say('Privileges: plans', 'Rechte: plans') }).click()
  await expect(hers.getByLabel(say('Privilege of Berta', 'Recht von Berta'), { exact: true })).toHaveValue('manage')
  await look(hers, 'people-11-manager')
  await hers.getByLabel(say('Add a user or group', 'Benutzer oder Gruppe hinzufügen')).fill('Berta <')
  await expect(hers.getByRole('button', { name: /Berta <b>/ })).toBeVisible()
  await hers.keyboard.press('Escape')

  // Her own devices; then an administrator unlinks this browser, and she is signed out.
  await hers.goto(`${url}/devices`)
  await expect(hers.getByText(say('This browser', 'Dieser Browser'))).toBeVisible()
  await look(hers, 'people-12-own-devices')
  await page.goto(`${url}/all-devices`)
  const row = page.getByRole('listitem').filter({ hasText: 'Berta:' })
  await expect(row).toContainText('127.0.0.1')
  await expect(row).toContainText('Online')
  await look(page, 'people-13-all-devices')
  await row.getByRole('button').click()
  await look(page, 'people-14-unlink')
  await row.getByRole('button', { name: say('Unlink', 'Trennen'), exact: true }).click()
  await expect(hers.getByRole('button', { name: say('Sign in', 'Anmelden'), exact: true })).toBeVisible()
  await expect(row).toHaveCount(0)

  // A device that shows a code becomes hers.
  const asked = await fetch(`${url}/api/v1/devices/codes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ device: '<i>tv</i>', platform: 'linux' }),
  })
  const { device_code } = (await asked.json()) as { device_code: string }
  const waiting = page.getByRole('listitem').filter({ hasText: '<i>tv</i>' })
  await expect(waiting).toBeVisible()
  await waiting.getByLabel(say('Link to', 'Verbinden mit')).fill('berta')
  await waiting.getByRole('button', { name: 'Berta', exact: true }).click()
  await look(page, 'people-16-waiting')
  await waiting.getByRole('button', { name: say('Link to Berta', 'Verbinden mit Berta') }).click()
  await expect(waiting).toHaveCount(0)
  const decided = await fetch(`${url}/api/v1/devices/codes/poll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ device_code }),
  })
  expect(await decided.json()).toMatchObject({ state: 'linked', user_name: 'Berta' })

  // A password of her own, and out she goes.
  await signIn(hers, 'Berta')
  await hers.getByLabel(say('Password until now', 'Bisheriges Passwort')).fill(PASSWORD)
  await hers.getByLabel(say('New password', 'Neues Passwort')).fill(SECRET)
  await hers.getByRole('button', { name: say('Change the password', 'Passwort ändern') }).click()
  await expect(hers.getByText(say('The password is changed.', 'Das Passwort ist geändert.'))).toBeVisible()
  await page.goto(`${url}/people`)
  await button(page, 'Edit Berta', 'Berta bearbeiten').click()
  await button(page, 'Remove this account', 'Dieses Konto entfernen').click()
  await look(page, 'people-15-remove')
  await button(page, 'Yes, remove', 'Ja, entfernen').click()
  await expect(page.getByText(say('Berta is removed.', 'Berta ist entfernt.'))).toBeVisible()
  await expect(hers.getByRole('button', { name: say('Sign in', 'Anmelden'), exact: true })).toBeVisible()
  // The last administrator stays.
  await button(page, 'Edit alice', 'alice bearbeiten').click()
  await dialog(page).getByRole('checkbox', { name: new RegExp(`^${say('Disabled', 'Gesperrt')}`) }).check()
  await button(page, 'Save', 'Speichern').click()
  await expect(dialog(page).getByRole('alert')).toContainText('last active administrator')
  expect([...faults, ...herFaults].filter((fault) => !/40[39]|422/.test(fault))).toEqual([])
})
