/** Files beyond a single one: archives, search, moving, the past, menus, versions. */
import { expect, test, type Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server | undefined
test.beforeEach(async () => {
  server = await Server.start()
})
test.afterEach(() => server?.end())

const phone = () => test.info().project.name === 'phone'
const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })
const row = (page: Page, name: string) => page.getByRole('row').filter({ has: page.getByRole('gridcell', { name, exact: true }) })

async function open(page: Page): Promise<string> {
  await page.goto(server!.url)
  await signIn(page)
  await page.getByRole('link', { name: 'docs', exact: true }).click()
  await expect(page.getByText(say('Drop files here', 'Ziehen Sie Dateien hierher'))).toBeVisible()
  return new URL(page.url()).pathname
}

async function upload(page: Page, files: Record<string, string>): Promise<void> {
  const list = Object.entries(files).map(([name, text]) => file(name, text))
  await page.getByLabel(say('Upload files', 'Dateien hochladen')).setInputFiles(list)
  await expect(page.getByText(say(/files? (is|are) uploaded/, /hochgeladen\./))).toBeVisible()
  await page.getByRole('button', { name: say('Clear the list', 'Liste leeren') }).click()
  for (const name of Object.keys(files)) await expect(row(page, name)).toBeVisible()
}

async function makeDirectory(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: say('New directory', 'Neues Verzeichnis') }).click()
  await page.getByRole('dialog').getByLabel('Name').fill(name)
  await page.getByRole('button', { name: say('Create', 'Anlegen'), exact: true }).click()
  await expect(row(page, name)).toBeVisible()
}

/** The menu of a row, by the keyboard alone. */
async function menuOf(page: Page, name: string) {
  const box = row(page, name)
  await box.locator('.tick').click()
  if ((await box.getAttribute('aria-selected')) !== 'true') await box.locator('.tick').click()
  await page.getByRole('grid').focus()
  await page.keyboard.press('Shift+F10')
  const menu = page.getByRole('menu')
  await expect(menu).toBeVisible()
  return menu
}

/** What Python finds in an archive. */
function unzipped(path: string): Record<string, string> {
  const script = `import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps({entry.filename: archive.read(entry).decode() for entry in archive.infolist()}))`
  return JSON.parse(execFileSync('python3', ['-c', script, path], { encoding: 'utf8' })) as Record<string, string>
}

test('several files and a directory are downloaded as one archive', async ({ page }) => {
  const faults = await prepare(page)
  await open(page)
  await makeDirectory(page, 'Bilder')
  await page.getByRole('link', { name: 'Bilder' }).click()
  await upload(page, { 'inner ä.txt': 'inside' })
  await page.getByRole('link', { name: 'docs', exact: true }).click()
  await upload(page, { 'a.txt': 'one', 'b.txt': 'two', 'left out.txt': 'three' })
  for (const name of ['Bilder', 'a.txt', 'b.txt']) await row(page, name).locator('.box').click()
  await look(page, 'files-1-chosen')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: say('Download', 'Herunterladen'), exact: true }).click()
  const saved = await download
  expect(saved.suggestedFilename()).toBe('docs.zip')
  expect(unzipped(await saved.path())).toEqual({ 'Bilder/': '', 'Bilder/inner ä.txt': 'inside', 'a.txt': 'one', 'b.txt': 'two' })
  expect(faults).toEqual([])
})

test('names are found in the whole folder, hostile ones as the texts they are', async ({ page }) => {
  const faults = await prepare(page)
  await open(page)
  const hostile = ['<img src=x onerror=alert(1)> report', '\u202egpj.report.exe', `report ${'x'.repeat(244)}.txt`]
  await makeDirectory(page, 'Deep')
  await page.getByRole('link', { name: 'Deep' }).click()
  const choose = page.getByLabel(say('Upload files', 'Dateien hochladen'))
  await choose.setInputFiles([...hostile.map((name) => file(name, 'x')), file('other.txt', 'x')])
  await expect(page.getByText(say('4 files are uploaded.', '4 Dateien sind hochgeladen.'))).toBeVisible()
  await page.getByRole('button', { name: say('Clear the list', 'Liste leeren') }).click()
  await page.getByRole('link', { name: 'docs', exact: true }).click()
  await page.getByRole('search').getByRole('searchbox').fill('REPORT')
  await page.getByRole('search').getByRole('searchbox').press('Enter')
  await expect(page.getByText(say('3 items found', '3 Einträge gefunden'))).toBeVisible()
  await expect(page.getByText('docs / Deep').first()).toBeVisible()
  await look(page, 'files-2-search')
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  expect(overflow).toBeLessThanOrEqual(0)
  await page.getByRole('link', { name: '<img src=x onerror=alert(1)> report', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Deep' })).toBeVisible()
  await page.getByRole('searchbox', { name: say('Filter by name', 'Nach Namen filtern') }).fill('other')
  await page.keyboard.press('Enter')
  await expect(page.getByText(say('1 item found', '1 Eintrag gefunden'))).toBeVisible()
  expect(faults).toEqual([])
})

test('nodes are moved and copied, and what has the same name is asked about', async ({ page }) => {
  const faults = await prepare(page)
  const folder = await open(page)
  await makeDirectory(page, 'Goal')
  await upload(page, { 'a.txt': 'first', 'b.txt': 'second' })
  let menu = await menuOf(page, 'a.txt')
  await look(page, 'files-3-menu')
  await menu.getByRole('menuitem', { name: say('Copy to…', 'Kopieren …') }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByRole('treeitem', { name: 'Goal' })).toBeVisible()
  await dialog.getByRole('treeitem', { name: 'docs' }).focus()
  await page.keyboard.press('ArrowDown')
  await expect(dialog.getByRole('treeitem', { name: 'Goal' })).toHaveAttribute('aria-selected', 'true')
  await look(page, 'files-4-copy')
  await dialog.getByRole('button', { name: say('Copy', 'Kopieren'), exact: true }).click()
  await expect(page.getByText(say('1 item copied.', '1 Eintrag kopiert.'))).toBeVisible()

  // The same name again: both are kept.
  menu = await menuOf(page, 'a.txt')
  await menu.getByRole('menuitem', { name: say('Move to…', 'Verschieben …') }).click()
  await dialog.getByRole('treeitem', { name: 'Goal' }).click()
  await dialog.getByRole('button', { name: say('Move', 'Verschieben'), exact: true }).click()
  await expect(dialog.getByText(say('1 item with a name that is taken there', 'Mit dort vergebenem Namen: 1 Eintrag'))).toBeVisible()
  await look(page, 'files-5-taken')
  await dialog.getByRole('button', { name: say('Keep both', 'Beides behalten') }).click()
  await expect(row(page, 'a.txt')).toHaveCount(0)

  if (!phone()) {
    await row(page, 'b.txt').dragTo(row(page, 'Goal'))
    await expect(row(page, 'b.txt')).toHaveCount(0)
  }
  await page.goto(`${server!.url}${folder}/Goal`)
  await expect(row(page, 'a (2).txt')).toBeVisible()
  await expect(row(page, 'a.txt')).toBeVisible()
  if (!phone()) {
    await row(page, 'b.txt').dragTo(page.getByRole('link', { name: 'docs', exact: true }))
    await expect(row(page, 'b.txt')).toHaveCount(0)
  }
  await page.goto(`${server!.url}${folder}`)
  await expect(row(page, 'b.txt')).toBeVisible()
  expect(faults).toEqual([])
})

test('a folder is looked at as it was, compared, and brought back', async ({ page }) => {
  const faults = await prepare(page)
  const path = await open(page)
  const folder = path.split('/').at(-1)!
  await upload(page, { 'kept.txt': 'as it was', 'removed.txt': 'once here' })
  await page.waitForTimeout(1_100)
  const then = new Date().toISOString()
  await page.waitForTimeout(1_100)
  await upload(page, { 'kept.txt': 'spoilt', 'new.txt': 'rubbish' })
  await row(page, 'removed.txt').click()
  await page.keyboard.press('Delete')
  await expect(row(page, 'removed.txt')).toHaveCount(0)

  await page.getByRole('button', { name: say('As it was', 'Wie es war') }).click()
  await expect(page.getByText(say('You are looking at the past', 'Sie sehen die Vergangenheit'))).toBeVisible()
  await page.getByLabel(say('Moment', 'Zeitpunkt')).fill(then.slice(0, 19))
  await page.getByRole('button', { name: say('Look', 'Ansehen'), exact: true }).click()
  await expect(row(page, 'removed.txt')).toBeVisible()
  await expect(row(page, 'new.txt')).toHaveCount(0)
  await look(page, 'files-6-past')

  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: say('Download', 'Herunterladen'), exact: true }).click()
  expect(unzipped(await (await download).path())).toEqual({ 'kept.txt': 'as it was', 'removed.txt': 'once here' })

  await page.getByRole('button', { name: say('Compare with now', 'Mit jetzt vergleichen') }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByRole('listitem')).toHaveCount(3)
  await expect(dialog.getByText(say('Made since', 'Seitdem angelegt'), { exact: true })).toBeVisible()
  await look(page, 'files-7-differences')
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: say('Restore this directory', 'Dieses Verzeichnis wiederherstellen') }).click()
  await expect(dialog.getByText(say('1 item would come back', 'Kommt zurück: 1 Eintrag'))).toBeVisible()
  await expect(dialog.getByText(say('1 item made since would go to the trash', 'Seitdem angelegt, kommt in den Papierkorb: 1 Eintrag'))).toBeVisible()
  await look(page, 'files-8-restore')
  await dialog.getByRole('button', { name: say('Restore', 'Wiederherstellen'), exact: true }).click()
  await expect(row(page, 'removed.txt')).toBeVisible()
  await expect(row(page, 'new.txt')).toHaveCount(0)
  await expect.poll(() => new URL(page.url()).pathname).toBe(path)
  await page.goto(`${server!.url}/trash/${folder}`)
  await expect(page.getByText('new.txt')).toBeVisible()
  expect(faults).toEqual([])
})

test('a version is labelled, looked at as text, and restored', async ({ page }) => {
  const faults = await prepare(page)
  await open(page)
  await upload(page, { 'letter.html': '<script>alert(1)</script> first' })
  await upload(page, { 'letter.html': 'second' })
  const menu = await menuOf(page, 'letter.html')
  await menu.getByRole('menuitem', { name: say('History', 'Verlauf') }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByRole('listitem')).toHaveCount(2)
  const old = dialog.getByRole('listitem').nth(1)
  await old.getByRole('button', { name: say('Label', 'Beschriften') }).click()
  await dialog.getByRole('textbox').fill('the <b>good</b> one')
  await dialog.getByRole('button', { name: say('Save', 'Sichern') }).click()
  await expect(old.getByText('the <b>good</b> one')).toBeVisible()
  await look(page, 'files-9-labelled')
  await old.getByRole('button', { name: say('View', 'Ansehen') }).click()
  await expect(dialog.locator('pre')).toHaveText('<script>alert(1)</script> first')
  await look(page, 'files-10-text')
  await dialog.getByRole('button', { name: say('History', 'Verlauf') }).click()
  await old.getByRole('button', { name: say('Restore', 'Wiederherstellen'), exact: true }).click()
  await expect(dialog.getByRole('listitem')).toHaveCount(3)
  expect(faults).toEqual([])
})

test('light and dark are chosen by hand', async ({ page }) => {
  const faults = await prepare(page)
  await open(page)
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const button = page.getByRole('button', { name: say('Appearance', 'Erscheinungsbild') })
  await button.click()
  expect(await ground()).toBe('rgb(246, 247, 247)')
  await look(page, 'files-11-light')
  await button.click()
  expect(await ground()).toBe('rgb(16, 21, 20)')
  await page.reload()
  await expect(button).toBeVisible()
  expect(await ground()).toBe('rgb(16, 21, 20)')
  await look(page, 'files-12-dark')
  expect(faults).toEqual([])
})
