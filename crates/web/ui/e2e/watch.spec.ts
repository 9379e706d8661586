/**
 * Watching: an administrator sees what a real client does without loading the page anew, reads, exports and proves the log,
 * decides about a hold, and settles a conflict.
 */
import { expect, test, type Page } from '@playwright/test'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BIN, PASSWORD, Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

/** What changes elsewhere is to be seen within a second; a loaded machine is given more. */
const SOON = { timeout: 8_000 }

/** The real client on a directory of its own. */
class Device {
  readonly directory = mkdtempSync(join(tmpdir(), 'driftless-device-'))
  readonly #home = mkdtempSync(join(tmpdir(), 'driftless-home-'))
  #daemon: ChildProcess | undefined

  constructor(server: Server, folder: string) {
    this.#run(['link', server.url, '--user', 'alice', '--password-stdin', '--device', 'laptop'])
    // Before the daemon begins: a command that holds the home meanwhile would keep it from starting.
    this.#run(['sync', folder, this.directory])
    this.#daemon = spawn(BIN, ['daemon'], { env: this.#environment(), stdio: 'ignore' })
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, DRIFTLESS_HOME: this.#home }
  }

  #run(words: string[]): void {
    execFileSync(BIN, words, { input: `${PASSWORD}\n`, env: this.#environment(), stdio: ['pipe', 'pipe', 'pipe'] })
  }

  /** Says a command to the daemon. */
  say(...words: string[]): void {
    this.#run(words)
  }

  end(): void {
    this.#daemon?.kill('SIGKILL')
    for (const place of [this.directory, this.#home]) rmSync(place, { recursive: true, force: true })
  }
}

let server: Server
let device: Device | undefined
let faults: string[]
test.beforeEach(async ({ page }) => {
  server = await Server.start()
  faults = await prepare(page)
})
test.afterEach(async () => {
  device?.end()
  device = undefined
  await server.end()
  expect(faults).toEqual([])
})

async function enter(page: Page): Promise<void> {
  await page.goto(server.url)
  await signIn(page)
  await expect(page.getByRole('link', { name: 'docs', exact: true })).toBeVisible()
}

test('what a client does is seen without loading the page anew', async ({ page }) => {
  await enter(page)
  await page.goto(`${server.url}/overview`)
  const connected = page.locator('[data-figure=connected]')
  await expect(connected).toHaveText('1')
  device = new Device(server, 'docs')
  // It has to start first.
  await expect(connected).toHaveText('2', { timeout: 30_000 })
  await expect(page.getByText('laptop').first()).toBeVisible(SOON)
  const current = page.locator('[data-figure=current]')
  await expect(current).toHaveText('0 B')
  const transfers = page.getByRole('region', { name: say('Transfers', 'Übertragungen') })
  writeFileSync(join(device.directory, '<b>report<b>.bin'), randomBytes(3 << 20))
  await expect(transfers.getByText('laptop')).toBeVisible(SOON)
  await expect(current).toHaveText(say('3 MiB', '3 MiB'), SOON)
  await expect(page.getByText(say('1 item changed in docs', '1 Eintrag geändert in docs'))).toBeVisible(SOON)
  await look(page, 'watch-1-overview')
  await page.getByText(say('As a table', 'Als Tabelle')).first().click()
  await expect(page.getByRole('columnheader', { name: say('From devices', 'Von Geräten') })).toBeVisible()
  await look(page, 'watch-2-table')

  const folder = (await (await page.request.get(`${server.url}/api/v1/folders`)).json()).folders[0].id as string
  await page.goto(`${server.url}/activity/${folder}`)
  await expect(page.getByText('<b>report<b>.bin')).toBeVisible()
  writeFileSync(join(device.directory, 'second.txt'), 'second')
  await expect(page.getByText('second.txt')).toBeVisible(SOON)
  await look(page, 'watch-3-activity')
})

test('the log is filtered, followed, exported, proven and kept for a while', async ({ page }) => {
  server.admin(['user', 'add', 'bob', '--password-stdin'], `${PASSWORD}\n`)
  server.admin(['group', 'add', '=1+1<img src=x onerror=alert(1)>'])
  await enter(page)
  await page.goto(`${server.url}/log`)
  const grid = page.getByRole('grid')
  await expect(grid.getByText('group.add')).toBeVisible()
  await look(page, 'watch-4-log')
  await page.getByLabel(say('Action or area', 'Aktion oder Bereich')).fill('group')
  await expect(grid.getByRole('row')).toHaveCount(1)
  await expect(grid.getByText('<img src=x onerror=alert(1)>')).toBeVisible()
  // Followed through its filter, without loading anything anew.
  server.admin(['user', 'add', 'carol', '--password-stdin'], `${PASSWORD}\n`)
  server.admin(['group', 'add', 'staff'])
  await expect(grid.getByRole('row')).toHaveCount(2, SOON)
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'CSV' }).click()
  const text = readFileSync(await (await download).path(), 'utf8')
  expect(text.trim().split('\r\n')).toHaveLength(3)
  expect(text).toContain('group=staff')
  await grid.focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  const details = page.getByRole('dialog')
  await expect(details.getByText('=1+1<img src=x onerror=alert(1)>')).toBeVisible()
  await look(page, 'watch-5-entry')
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: say('Proof and retention', 'Nachweis und Aufbewahrung') }).click()
  const prove = page.getByRole('button', { name: say('Prove it now', 'Jetzt nachweisen') })
  await prove.click()
  const line = page.getByRole('dialog').locator('.digest')
  const kept = await line.innerText()
  expect(kept).toMatch(/^\d+ [0-9a-f]{64}$/)
  server.admin(['group', 'add', 'more'])
  await page.getByLabel(say('A line you have kept', 'Eine aufbewahrte Zeile')).fill(kept)
  await prove.click()
  await expect(page.getByText(say('The line you have kept is right', 'Die aufbewahrte Zeile stimmt'))).toBeVisible()
  await expect(line).not.toHaveText(kept)
  await look(page, 'watch-6-proof')
  await page.getByLabel(say('A line you have kept', 'Eine aufbewahrte Zeile')).fill(kept.replace(/.$/, (last) => (last === '0' ? '1' : '0')))
  await prove.click()
  await expect(page.getByText(say('does not fit', 'passt nicht'))).toBeVisible()
  await page.getByLabel(say('Days (empty: for ever)', 'Tage (leer: für immer)')).fill('90')
  await page.getByRole('button', { name: say('Save', 'Speichern'), exact: true }).click()
  await expect(page.getByText(say('It is set.', 'Das ist eingestellt.'))).toBeVisible()
  await page.keyboard.press('Escape')
  await page.getByLabel(say('Action or area', 'Aktion oder Bereich')).fill('log')
  await expect(grid.getByText('log.retention')).toBeVisible(SOON)
})

test('a hold is undone, a conflict settled, and everything verified', async ({ page }) => {
  server.admin(['folder', 'add', 'plain', '--plain', 'auto'])
  server.admin(['folder', 'grant', 'plain', 'alice', 'manage'])
  await enter(page)
  await page.goto(`${server.url}/issues`)
  const plain = page.getByRole('listitem', { name: 'plain' })
  await expect(plain.getByText(say('In step', 'Gleich'))).toBeVisible({ timeout: 30_000 })
  const directory = (await plain.locator('.path').first().innerText()).trim()
  mkdirSync(join(directory, 'archive'))
  for (let file = 0; file < 150; file++) writeFileSync(join(directory, 'archive', `${file}.txt`), `${file}`)
  const files = async () => {
    const folders = (await (await page.request.get(`${server.url}/api/v1/folders`)).json()).folders as { id: string; name: string }[]
    const id = folders.find((folder) => folder.name === 'plain')!.id
    const answer = await page.request.get(`${server.url}/api/v1/folders/${id}/nodes/n1/children?path=archive`)
    return answer.ok() ? ((await answer.json()).entries as unknown[]).length : 0
  }
  await expect.poll(files, { timeout: 60_000 }).toBe(150)
  rmSync(join(directory, 'archive'), { recursive: true })
  const undo = plain.getByRole('button', { name: say('Bring everything back', 'Alles zurückholen') })
  await expect(undo).toBeVisible({ timeout: 60_000 })
  await look(page, 'watch-7-held')
  await undo.click()
  await expect(undo).toBeHidden({ timeout: 60_000 })
  const back = join(directory, 'archive/7.txt')
  await expect.poll(() => existsSync(back) && readFileSync(back, 'utf8'), { timeout: 60_000 }).toBe('7')

  const folder = (await (await page.request.get(`${server.url}/api/v1/folders`)).json()).folders.find((one: { name: string }) => one.name === 'docs').id as string
  const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })
  await page.goto(`${server.url}/files/${folder}`)
  const copy = 'plan (conflict, bob on phone, 2026-11-21, abab).txt'
  await page.getByLabel(say('Upload files', 'Dateien hochladen')).setInputFiles([file('plan.txt', 'the winner'), file(copy, 'the loser of it')])
  await expect(page.getByRole('gridcell', { name: copy })).toBeVisible()
  await page.goto(`${server.url}/issues`)
  const quarrel = page.getByRole('listitem', { name: 'plan.txt' })
  await expect(quarrel.getByText('bob')).toBeVisible()
  await look(page, 'watch-8-conflict')
  await quarrel.getByRole('button', { name: say('Keep the copy', 'Die Kopie behalten') }).click()
  await expect(quarrel).toBeHidden(SOON)
  const listed = (await (await page.request.get(`${server.url}/api/v1/folders/${folder}/nodes/n1/children`)).json()).entries as { node: string; name: string }[]
  expect(listed.map((entry) => entry.name)).toEqual(['plan.txt'])
  const content = await page.request.get(`${server.url}/api/v1/folders/${folder}/nodes/${listed[0]!.node}/content`)
  expect(await content.text()).toBe('the loser of it')

  await page.getByRole('button', { name: say('Verify everything', 'Alles prüfen') }).click()
  const result = page.locator('[data-kind=verify]')
  await expect(result.getByText(say('All is well', 'Alles gut'))).toBeVisible({ timeout: 30_000 })
  await look(page, 'watch-9-work')
})

test('a lost device is wiped, and what was done is seen', async ({ page }) => {
  device = new Device(server, 'docs')
  writeFileSync(join(device.directory, 'letter.txt'), 'on the server, too')
  device.say('wait', '--timeout', '60')
  device.say('pause')
  writeFileSync(join(device.directory, 'note.txt'), 'here only')
  await enter(page)
  await page.goto(`${server.url}/all-devices`)
  const row = page.getByRole('listitem').filter({ hasText: 'laptop' })
  await row.getByRole('button', { name: say('Wipe laptop', 'laptop löschen') }).click()
  await look(page, 'watch-wipe-asks')
  await row.getByRole('button', { name: say('Yes, wipe it', 'Ja, löschen') }).click()
  await expect(row).toContainText(say('1 file removed, 1 kept', '1 Datei entfernt, 1 behalten'), { timeout: 30_000 })
  await look(page, 'watch-wiped')
  expect(existsSync(join(device.directory, 'letter.txt'))).toBe(false)
  expect(readFileSync(join(device.directory, 'note.txt'), 'utf8')).toBe('here only')
  await row.getByRole('button', { name: say('Put away laptop', 'laptop ausblenden') }).click()
  await row.getByRole('button', { name: say('Put away', 'Ausblenden'), exact: true }).click()
  await expect(row).toHaveCount(0)
  await page.goto(`${server.url}/log`)
  await expect(page.getByText('device.wiped', { exact: true })).toBeVisible()
})
