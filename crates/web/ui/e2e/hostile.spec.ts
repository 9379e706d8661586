/** Files and names that somebody made to harm the next one who looks: nothing in them is run, by any way to them. */
import { expect, test } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

const RUN = "fetch('/api/v1/session').then(()=>{document.title='owned';localStorage.setItem('owned','1')})"
const FILES = {
  'page.html': `<!doctype html><title>fine</title><script>${RUN}</script><img src=x onerror="${RUN}"><meta http-equiv=refresh content="0;url=/owned">`,
  'picture.svg': `<svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"><script>${RUN}</script><circle r="9"/></svg>`,
  'feed.xml': `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>${RUN}</script></html>`,
  'paper.pdf': `%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(${RUN})>>>>endobj\ntrailer<</Root 1 0 R>>`,
  'module.js': RUN,
  'polyglot.gif': `GIF89a/*<html><script>${RUN}</script>*/`,
}
const NAMES = [
  '<img src=x onerror=document.title=`owned`>.txt',
  '"><svg onload=document.title=`owned`>.txt',
  "';document.title='owned';'.txt",
  '{document.title="owned"}{@html "<b>x"}.txt',
  // Turns what stands behind it around, so that it seems to be a picture.
  'holiday\u202egpj.exe',
  'a\u200b b.txt',
]

test('hostile files and names are shown and given, and nothing in them is run', async ({ page, context }) => {
  const server = await Server.start()
  try {
    const faults = await prepare(page)
    const dialogs: string[] = []
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    await page.goto(server.url)
    await signIn(page)
    await page.getByRole('link', { name: 'docs', exact: true }).click()
    const all = [...Object.entries(FILES), ...NAMES.map((name) => [name, 'a text'] as const)]
    await page
      .getByLabel(say('Upload files', 'Dateien hochladen'))
      .setInputFiles(all.map(([name, text]) => ({ name, mimeType: 'text/html', buffer: Buffer.from(text) })))
    const state = say(`${all.length} files are uploaded.`, `${all.length} Dateien sind hochgeladen.`)
    await expect(page.getByText(state)).toBeVisible()
    await expect(page.getByRole('row')).toHaveCount(all.length)
    await look(page, 'hostile-files')

    // Every way that a browser has to open what the server gives.
    const folder = new URL(page.url()).pathname.split('/').at(-1)!
    const nodes = await page.evaluate(async (folder) => {
      const answer = await fetch(`/api/v1/folders/${folder}/nodes/n1/children`)
      return ((await answer.json()) as { entries: { node: string; name: string }[] }).entries
    }, folder)
    expect(nodes).toHaveLength(all.length)
    for (const { node, name } of nodes) {
      const address = `${server.url}/api/v1/folders/${folder}/nodes/${node}/content`
      const headers = (await page.request.get(address)).headers()
      expect(headers['content-type'], name).toBe('application/octet-stream')
      expect(headers['content-disposition'], name).toMatch(/^attachment/)
      expect(headers['content-security-policy'], name).toContain('sandbox')
      expect(headers['x-content-type-options'], name).toBe('nosniff')
      const other = await context.newPage()
      const download = other.waitForEvent('download')
      await other.goto(address).catch(() => undefined)
      const given = readFileSync(await (await download).path(), 'utf8')
      expect(given, name).toBe(name in FILES ? FILES[name as keyof typeof FILES] : 'a text')
      await other.close()
    }
    const embedded = await page.evaluate(async (addresses) => {
      const ends: string[] = []
      for (const address of addresses) {
        for (const kind of ['script', 'iframe', 'object', 'embed']) {
          const element = document.createElement(kind)
          try {
            element.setAttribute(kind === 'object' ? 'data' : 'src', address)
            document.body.append(element)
            await new Promise((done) => setTimeout(done, 20))
          } catch {
            ends.push(`${kind} refused`)
          }
          element.remove()
        }
      }
      return ends
    }, nodes.map(({ node }) => `/api/v1/folders/${folder}/nodes/${node}/content`))
    expect(embedded.length).toBeGreaterThan(0)
    faults.length = 0

    for (const name of NAMES) {
      await page.getByLabel(say('Filter by name', 'Nach Namen filtern')).fill(name.slice(0, 6))
      const seen = name.replace(/[\u202e\u200b]/, '\ufffd')
      await expect(page.getByRole('gridcell', { name: seen, exact: true })).toBeVisible()
    }
    expect(await page.title()).not.toBe('owned')
    expect(await page.evaluate(() => localStorage.getItem('owned'))).toBeNull()
    expect(dialogs).toEqual([])
    expect(faults).toEqual([])
  } finally {
    await server.end()
  }
})
