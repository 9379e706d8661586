/** Links: made and revoked by a person with an account; opened by strangers, who need no script and get none. */
import { expect, test, type Browser, type Page } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server | undefined
test.beforeEach(async () => {
  server = await Server.start()
})
test.afterEach(() => server?.end())

const HOSTILE: [string, string][] = [
  ['page.html', '<!doctype html><script>document.title = "run"; fetch("/api/v1/session")</script>'],
  ['picture.svg', '<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=\'run\'"><script>document.title="run"</script></svg>'],
  ['style.xml', '<?xml version="1.0"?><x xmlns="http://www.w3.org/1999/xhtml"><script>document.title="run"</script></x>'],
  ['paper.pdf', '%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj'],
  ['<img src=x onerror=document.title=1>.txt', 'markup in a name'],
  ['\u202etxt.exe', 'right to left'],
  [`${'long '.repeat(45)}.txt`, 'a long name'],
]

const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })

async function openFolder(page: Page): Promise<void> {
  await page.goto(server!.url)
  await signIn(page)
  await page.getByRole('link', { name: 'docs', exact: true }).click()
}

/** Somebody without an account and, unless axe-core is to run, without scripts. */
async function stranger(browser: Browser, scripts = false): Promise<Page> {
  const { viewport, colorScheme, locale, isMobile, hasTouch } = test.info().project.use
  const context = await browser.newContext({ javaScriptEnabled: scripts, viewport, colorScheme, locale, isMobile, hasTouch })
  return context.newPage()
}

/** What axe-core says of a page for strangers: with scripts for axe-core alone. */
async function lookAt(browser: Browser, url: string, name: string, cookies: { name: string; value: string; url: string }[] = []): Promise<void> {
  const page = await stranger(browser, true)
  await page.context().addCookies(cookies)
  await prepare(page)
  await page.goto(url)
  await look(page, name)
  await page.context().close()
}

async function share(page: Page, name: string, choose: (dialog: ReturnType<Page['getByRole']>) => Promise<void>): Promise<string> {
  await page.getByRole('row', { name, exact: false }).first().click()
  await page.getByRole('button', { name: say('Share', 'Teilen'), exact: true }).click()
  const dialog = page.getByRole('dialog')
  await choose(dialog)
  await dialog.getByRole('button', { name: say('Make the link', 'Link anlegen') }).click()
  return dialog.getByLabel(say('Address of the link', 'Adresse des Links')).inputValue()
}

test('a stranger opens a link by its password, looks around and downloads, and nothing runs', async ({ page, browser }) => {
  const faults = await prepare(page)
  await openFolder(page)
  await page.getByRole('button', { name: say('New directory', 'Neues Verzeichnis') }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Holiday')
  await page.getByRole('button', { name: say('Create', 'Anlegen'), exact: true }).click()
  await page.getByRole('gridcell', { name: 'Holiday' }).getByRole('link').click()
  await page.getByLabel(say('Upload files', 'Dateien hochladen')).setInputFiles(HOSTILE.map(([name, text]) => file(name, text)))
  await expect(page.getByRole('gridcell', { name: 'paper.pdf' })).toBeVisible()
  await page.goBack()

  const url = await share(page, 'Holiday', async (dialog) => {
    await dialog.getByLabel(say('Password (optional', 'Passwort (freiwillig')).fill('open sesame')
    await look(page, 'links-1-share')
  })
  await look(page, 'links-2-made')
  expect(url).toMatch(/\/s\/[0-9a-f]{32}$/)
  await lookAt(browser, url, 'links-3-password')

  const guest = await stranger(browser)
  await guest.goto(url)
  const password = guest.getByLabel(say('Password', 'Passwort'))
  await password.fill('open seseme')
  await guest.getByRole('button', { name: say('Continue', 'Weiter') }).click()
  await expect(guest.getByRole('alert')).toContainText(say('not the password', 'nicht das Passwort'))
  await password.fill('open sesame')
  await guest.getByRole('button', { name: say('Continue', 'Weiter') }).click()
  await expect(guest.getByRole('heading', { name: 'Holiday' })).toBeVisible()
  const links = guest.getByRole('listitem').getByRole('link')
  await expect(links).toHaveCount(HOSTILE.length)
  const cookies = (await guest.context().cookies()).map(({ name, value }) => ({ name, value, url }))
  expect(cookies.map(({ name }) => name)).toEqual(['driftless-link'])
  await lookAt(browser, url, 'links-4-directory', cookies)

  for (const [name, text] of HOSTILE) {
    const download = guest.waitForEvent('download')
    await links.filter({ hasText: name.replace('\u202e', '\ufffd') }).first().click()
    const got = await download
    expect(readFileSync(await got.path(), 'utf8')).toBe(text)
  }

  // With scripts, and the addresses typed: still downloads, and nothing has run.
  const scripted = await stranger(browser, true)
  await scripted.context().addCookies(cookies)
  await scripted.goto(url)
  const addresses = await scripted.getByRole('listitem').getByRole('link').evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href))
  for (const address of addresses) {
    const download = scripted.waitForEvent('download')
    await scripted.goto(address).catch(() => undefined)
    await download
    expect(await scripted.title()).toBe('Holiday – Driftless')
  }
  expect(faults).toEqual([])
})

test('strangers send files and see nothing; what is revoked leads nowhere', async ({ page, browser }) => {
  const faults = await prepare(page)
  await openFolder(page)
  for (const name of ['Inbox', 'Other']) {
    await page.getByRole('button', { name: say('New directory', 'Neues Verzeichnis') }).click()
    await page.getByRole('dialog').getByLabel('Name').fill(name)
    await page.getByRole('button', { name: say('Create', 'Anlegen'), exact: true }).click()
    await expect(page.getByRole('gridcell', { name })).toBeVisible()
  }
  const url = await share(page, 'Inbox', async (dialog) => {
    await dialog.getByLabel(say('Send files, and see nothing', 'Dateien schicken und nichts sehen')).check()
    await dialog.getByLabel(say('Name of the link', 'Name des Links')).fill('For <b>Eve</b>')
  })
  await page.getByRole('button', { name: say('Done', 'Fertig') }).click()
  await lookAt(browser, url, 'links-5-send')
  const guest = await stranger(browser)
  await guest.goto(url)
  await guest.getByLabel(say('Files', 'Dateien')).setInputFiles([file('a.txt', 'one'), file('b <i>.txt', 'two')])
  await guest.getByRole('button', { name: say('Send', 'Schicken'), exact: true }).click()
  await expect(guest.getByRole('heading', { name: say('Sent', 'Geschickt') })).toBeVisible()
  await expect(guest.getByRole('listitem')).toHaveText(['a.txt', 'b _i_.txt'])
  await guest.getByRole('link').click()
  await guest.getByLabel(say('Files', 'Dateien')).setInputFiles([file('a.txt', 'another')])
  await guest.getByRole('button', { name: say('Send', 'Schicken'), exact: true }).click()
  await expect(guest.getByRole('listitem')).toHaveText(['a.txt'])

  await page.getByRole('gridcell', { name: 'Inbox' }).getByRole('link').click()
  for (const name of ['a.txt', 'a (2).txt', 'b _i_.txt']) await expect(page.getByRole('gridcell', { name, exact: true })).toBeVisible()

  await page.goto(`${server!.url}/shared`)
  await expect(page.getByText('For <b>Eve</b>')).toBeVisible()
  await expect(page.getByText(say('3 files', '3 Dateien'))).toBeVisible()
  await look(page, 'links-6-shared')
  await page.getByRole('button', { name: say('Change', 'Ändern') }).click()
  await look(page, 'links-7-change')
  await page.getByRole('dialog').getByRole('checkbox').check()
  await page.getByRole('button', { name: say('Save', 'Speichern') }).click()
  const other = await page.getByLabel(say('Address of the link', 'Adresse des Links')).inputValue()
  await page.getByRole('button', { name: say('Done', 'Fertig') }).click()
  expect((await guest.goto(url))?.status()).toBe(404)
  expect((await guest.goto(other))?.status()).toBe(200)
  await page.getByRole('button', { name: say('Revoke', 'Widerrufen') }).click()
  await expect(page.getByText(say('You have not made any links', 'Sie haben noch keinen Link'))).toBeVisible()
  expect((await guest.goto(other))?.status()).toBe(404)
  await expect(guest.getByRole('heading', { name: say('There is nothing here', 'Hier ist nichts') })).toBeVisible()
  await lookAt(browser, other, 'links-8-nothing')
  expect(faults.filter((fault) => !fault.includes('404'))).toEqual([])
})

test('a link to a file shows it, its end, and nothing once it is used up', async ({ page, browser }) => {
  await prepare(page)
  await openFolder(page)
  await page.getByLabel(say('Upload files', 'Dateien hochladen')).setInputFiles([file('report.txt', 'all is well')])
  await expect(page.getByRole('gridcell', { name: 'report.txt' })).toBeVisible()
  const url = await share(page, 'report.txt', async (dialog) => {
    await dialog.getByLabel(say('How many files', 'Höchstens')).fill('1')
  })
  await lookAt(browser, url, 'links-9-file')
  const guest = await stranger(browser)
  await guest.goto(url)
  await expect(guest.getByText(say('This link ends on', 'Dieser Link endet am'))).toBeVisible()
  const download = guest.waitForEvent('download')
  await guest.getByRole('link', { name: say('Download', 'Herunterladen') }).click()
  expect((await download).suggestedFilename()).toBe('report.txt')
  await (await download).path()
  expect((await guest.goto(url))?.status()).toBe(404)
})
