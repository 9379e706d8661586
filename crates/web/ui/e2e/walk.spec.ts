/** One person walks through the page: signs in, looks around, uploads, looks at history. Screenshots are for a person to look at. */
import { expect, test } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server | undefined
test.beforeEach(async () => {
  server = await Server.start()
})
test.afterEach(() => server?.end())

const file = (name: string, text: string | Buffer) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })

test('a person signs in, browses, uploads and brings an old version back', async ({ page }) => {
  const faults = await prepare(page)
  const { url } = server!
  const scripts: Promise<number>[] = []
  page.on('response', (answer) => {
    if (new URL(answer.url()).pathname.endsWith('.js')) scripts.push(answer.body().then((body) => gzipSync(body).length))
  })
  await page.goto(url)
  await expect(page.getByRole('heading', { name: 'Driftless' })).toBeVisible()
  await look(page, '1-sign-in')
  await signIn(page)
  await expect(page.getByRole('link', { name: 'docs', exact: true })).toBeVisible()
  await look(page, '2-folders')
  const sizes = await Promise.all(scripts)
  const all = sizes.reduce((sum, size) => sum + size, 0)
  expect(all, `the first load has ${sizes.length} scripts`).toBeGreaterThan(10_000)
  expect(all, `the first load has ${sizes.length} scripts`).toBeLessThan(100_000)

  await page.getByRole('link', { name: 'docs', exact: true }).click()
  await expect(page.getByText(say('Drop files here', 'Ziehen Sie Dateien hierher'))).toBeVisible()
  await look(page, '3-empty')
  const folder = new URL(page.url()).pathname.split('/').at(-1)!

  const choose = page.getByLabel(say('Upload files', 'Dateien hochladen'))
  const small = ['notes 2.txt', 'notes 10.txt', 'Äpfel.txt', 'empty.txt', '<img src=x onerror=alert(1)>.svg']
  await choose.setInputFiles(small.map((name) => file(name, name === 'empty.txt' ? '' : `this is ${name}`)))
  for (const name of small) await expect(page.getByRole('gridcell', { name, exact: true })).toBeVisible()
  const names = await page.locator('[role=row] .text').allTextContents()
  expect(names.indexOf('notes 2.txt')).toBeLessThan(names.indexOf('notes 10.txt'))

  // A file of several chunks, and a new version of one that is there.
  const big = Buffer.alloc(3_500_000, 'driftless ')
  await choose.setInputFiles([file('big.bin', big), file('notes 2.txt', 'this is another text')])
  await expect(page.getByRole('gridcell', { name: 'big.bin' })).toBeVisible()
  await expect(page.getByText(say('7 files are uploaded.', '7 Dateien sind hochgeladen.'))).toBeVisible()
  await look(page, '4-files')
  await page.getByRole('button', { name: say('Clear the list', 'Liste leeren') }).click()

  await page.getByRole('button', { name: say('New directory', 'Neues Verzeichnis') }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Holiday')
  await look(page, '5-new-directory')
  await page.getByRole('button', { name: say('Create', 'Anlegen'), exact: true }).click()
  await expect(page.getByRole('gridcell', { name: 'Holiday' })).toBeVisible()

  const row = page.getByRole('row', { name: 'notes 2.txt' })
  await row.click()
  await expect(row).toHaveAttribute('aria-selected', 'true')
  await page.getByRole('button', { name: say('History', 'Verlauf'), exact: true }).click()
  const versions = page.getByRole('dialog').getByRole('listitem')
  await expect(versions).toHaveCount(2)
  await look(page, '6-history')
  await versions.nth(1).getByRole('button', { name: say('Restore', 'Wiederherstellen') }).click()
  await expect(versions).toHaveCount(3)
  const download = page.waitForEvent('download')
  await versions.first().getByRole('link').click()
  expect(readFileSync(await (await download).path(), 'utf8')).toBe('this is notes 2.txt')
  await page.keyboard.press('Escape')

  // Removed by the keyboard alone, seen in the trash, and brought back.
  const grid = page.getByRole('grid')
  await grid.focus()
  await page.keyboard.press('End')
  await page.keyboard.press('Shift+ArrowUp')
  await expect(page.getByRole('row', { selected: true })).toHaveCount(2)
  await page.keyboard.press('Delete')
  await expect(page.getByText(say('2 items were moved', '2 Einträge sind jetzt'))).toBeVisible()
  await page.goto(`${url}/trash/${folder}`)
  await expect(page.getByRole('checkbox')).toHaveCount(2)
  await look(page, '7-trash')
  const other = await page.context().newPage()
  await other.goto(`${url}/trash/${folder}`)
  await expect(other.getByRole('checkbox')).toHaveCount(2)
  await page.getByRole('checkbox').first().check()
  await page.getByRole('button', { name: say('Restore', 'Wiederherstellen') }).click()
  await expect(page.getByRole('checkbox')).toHaveCount(1)
  // Elsewhere too, without a reload.
  await expect(other.getByRole('checkbox')).toHaveCount(1)
  await other.close()

  await page.goto(`${url}/overview`)
  await expect(page.getByText(say('Current files', 'Aktuelle Dateien')).first()).toBeVisible()
  await look(page, '8-overview')
  await page.goto(`${url}/devices`)
  await expect(page.getByLabel('Code')).toBeVisible()
  await look(page, '9-devices')

  await page.getByRole('button', { name: say('Sign out', 'Abmelden') }).click()
  await expect(page.getByRole('button', { name: say('Sign in', 'Anmelden'), exact: true })).toBeVisible()
  await page.goto(`${url}/files/${folder}`)
  await expect(page.getByRole('button', { name: say('Sign in', 'Anmelden'), exact: true })).toBeVisible()
  expect(faults).toEqual([])
})
