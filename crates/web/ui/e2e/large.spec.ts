/** A directory of 100,000 entries, and what changes elsewhere. */
import { expect, test } from '@playwright/test'
import { readAnswer, writeCommit, type Operation } from '../src/api/bundle.ts'
import { PASSWORD, Server } from './server.ts'

const ENTRIES = 100_000
const AT_ONCE = 5_000

/** Another device of the same person. */
class Device {
  readonly #server: Server
  #token = ''
  #folder = ''

  constructor(server: Server) {
    this.#server = server
  }

  async link(): Promise<void> {
    const device = { user: 'alice', password: PASSWORD, device: 'laptop', platform: 'linux' }
    const answer = await fetch(`${this.#server.url}/api/v1/devices`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(device),
    })
    this.#token = ((await answer.json()) as { token: string }).token
    const headers = { authorization: `Bearer ${this.#token}` }
    const folders = await (await fetch(`${this.#server.url}/api/v1/folders`, { headers })).json()
    this.#folder = (folders as { folders: { id: string }[] }).folders[0]!.id
  }

  async make(names: string[]): Promise<void> {
    const key = crypto.getRandomValues(new Uint8Array(16))
    const content = 'directory' as const
    const operations = names.map(
      (name, temporary): Operation => ({ kind: 'create', temporary, parent: 1n, name, content, executable: false, mtime: 0 }),
    )
    const answer = await fetch(`${this.#server.url}/api/v1/folders/${this.#folder}/commits`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/vnd.driftless.bundle' },
      body: writeCommit({ key, uploads: [], operations, manifests: [], data: [] }),
    })
    const { outcomes } = readAnswer(await answer.arrayBuffer(), operations.length)
    expect(outcomes.filter((outcome) => 'refusal' in outcome)).toEqual([])
  }
}

test('a directory of 100,000 entries scrolls, and shows within a second what another device makes', async ({ page }, info) => {
  test.skip(info.project.name !== 'desktop', 'once is enough')
  test.setTimeout(300_000)
  const server = await Server.start()
  try {
    const device = new Device(server)
    await device.link()
    for (let start = 0; start < ENTRIES; start += AT_ONCE) {
      await device.make(Array.from({ length: AT_ONCE }, (_, index) => `entry ${start + index}`))
    }
    await page.goto(server.url)
    await page.getByLabel('User name').fill('alice')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const began = Date.now()
    await page.getByRole('link', { name: 'docs', exact: true }).click()
    await expect(page.getByRole('gridcell', { name: 'entry 0', exact: true })).toBeVisible()
    const first = Date.now() - began
    await expect(page.getByText('100,000 entries', { exact: true })).toBeVisible({ timeout: 60_000 })
    const all = Date.now() - began

    const grid = page.getByRole('grid')
    await grid.focus()
    await page.keyboard.press('End')
    await expect(page.getByRole('gridcell', { name: 'entry 99999', exact: true })).toBeVisible()
    expect(await page.getByRole('row').count()).toBeLessThan(60)

    // Screens pass by; how long the longest frame takes is what a person feels.
    const longest = await grid.evaluate(async (grid) => {
      let [longest, before] = [0, performance.now()]
      for (let frame = 0; frame < 90; frame++) {
        grid.scrollTop = (frame / 90) * grid.scrollHeight
        await new Promise((resolve) => requestAnimationFrame(resolve))
        const now = performance.now()
        longest = Math.max(longest, now - before)
        before = now
      }
      return longest
    })
    console.log(`first page ${first} ms, all ${all} ms, longest frame ${longest.toFixed(0)} ms`)
    expect(longest).toBeLessThan(250)

    await page.keyboard.press('Home')
    await device.make(['another device made this'])
    await expect(page.getByRole('gridcell', { name: 'another device made this' })).toBeVisible({ timeout: 1_000 })
  } finally {
    await server.end()
  }
})
