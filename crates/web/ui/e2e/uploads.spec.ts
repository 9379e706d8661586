/** A directory of very many files goes up, and nothing that happens to the server on the way loses one. */
import { expect, test } from '@playwright/test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PASSWORD, Server } from './server.ts'

const DIRECTORIES = 20
const FILES = 100
const BIG_BYTES = 24 << 20

test('a directory of 2,000 files and a big one arrive although the server is killed on the way', async ({ page }, info) => {
  test.skip(info.project.name !== 'desktop', 'once is enough')
  const from = mkdtempSync(join(tmpdir(), 'driftless-upload-'))
  const server = await Server.start()
  try {
    for (let directory = 0; directory < DIRECTORIES; directory++) {
      mkdirSync(join(from, 'all', `d${directory}`), { recursive: true })
      for (let file = 0; file < FILES; file++) {
        writeFileSync(join(from, 'all', `d${directory}`, `f${file}.txt`), `file ${file} of directory ${directory}`.repeat(50))
      }
    }
    const big = Buffer.alloc(BIG_BYTES)
    for (let at = 0; at < BIG_BYTES; at += 4) big.writeUInt32LE((at * 2_654_435_761) >>> 0, at)
    writeFileSync(join(from, 'all', 'big.bin'), big)

    await page.goto(server.url)
    await page.getByLabel('User name').fill('alice')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'docs', exact: true }).click()
    await page.locator('input[webkitdirectory]').setInputFiles(join(from, 'all'))

    const bar = page.getByRole('progressbar')
    const done = page.getByText(`${(DIRECTORIES * FILES + 1).toLocaleString('en')} files are uploaded.`)
    // Twice, at whatever it is doing then.
    for (const share of [0.1, 0.5]) {
      await expect.poll(() => bar.evaluate((bar: HTMLProgressElement) => bar.position), { timeout: 60_000 }).toBeGreaterThan(share)
      await server.restart()
    }
    await expect(done).toBeVisible({ timeout: 90_000 })
    await expect(page.getByText('could not be uploaded')).toHaveCount(0)

    const count = await page.evaluate(async () => {
      const folder = location.pathname.split('/').at(-1)
      const list = async (path: string) => {
        const answer = await fetch(`/api/v1/folders/${folder}/nodes/n1/children?path=${path}`)
        return ((await answer.json()) as { entries: { name: string; size: number }[] }).entries
      }
      const all = await list('all')
      const below = await Promise.all(all.filter((entry) => entry.name !== 'big.bin').map((entry) => list(`all/${entry.name}`)))
      return { big: all.find((entry) => entry.name === 'big.bin')?.size, files: below.flat().filter((entry) => entry.size > 0).length }
    })
    expect(count).toEqual({ big: BIG_BYTES, files: DIRECTORIES * FILES })
  } finally {
    await server.end()
    rmSync(from, { recursive: true, force: true })
  }
})
