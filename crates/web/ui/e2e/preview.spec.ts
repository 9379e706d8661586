/** What files look like: pictures, texts, documents; broken and hostile ones beside them. */
import { expect, test, type Page } from '@playwright/test'
import { Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

const RUN = "document.title='owned';localStorage.setItem('owned','1')"
const MARKUP = `<!doctype html><script>${RUN}</script><img src=x onerror="${RUN}"> Grüße`
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"><script>${RUN}</script><circle r="9"/></svg>`

/** A photograph of red above blue, 400 × 200, as the browser encodes it. */
async function photograph(page: Page): Promise<Buffer> {
  const bytes = await page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    canvas.width = 400
    canvas.height = 200
    const draw = canvas.getContext('2d')!
    draw.fillStyle = 'rgb(220 20 20)'
    draw.fillRect(0, 0, 400, 100)
    draw.fillStyle = 'rgb(20 20 220)'
    draw.fillRect(0, 100, 400, 100)
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.9))
    return Array.from(new Uint8Array(await blob!.arrayBuffer()))
  })
  return Buffer.from(bytes)
}

/** Says that its camera was held to the right. */
function turned(jpeg: Buffer): Buffer {
  const exif = Buffer.from('457869660000' + '49492a0008000000' + '0100' + '1201030001000000' + '06000000' + '00000000', 'hex')
  const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2])
  return Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)])
}

function pdf(words: string[]): Buffer {
  const pages = words.map((_, n) => `${4 + 2 * n} 0 R`).join(' ')
  const objects = [
    `<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(${RUN.replaceAll(/[()]/g, '')})>>>>`,
    `<</Type/Pages/Kids[${pages}]/Count ${words.length}>>`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
    ...words.flatMap((word, n) => {
      const drawn = `BT /F 64 Tf 40 120 Td (${word}) Tj ET`
      return [
        `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents ${5 + 2 * n} 0 R>>`,
        `<</Length ${drawn.length}>>stream\n${drawn}\nendstream`,
      ]
    }),
  ]
  let text = '%PDF-1.4\n'
  const starts = objects.map((object, n) => {
    const start = text.length
    text += `${n + 1} 0 obj${object}endobj\n`
    return String(start).padStart(10, '0')
  })
  const table = text.length
  text += `xref\n0 ${starts.length + 1}\n0000000000 65535 f \n${starts.map((start) => `${start} 00000 n \n`).join('')}`
  return Buffer.from(`${text}trailer<</Size ${starts.length + 1}/Root 1 0 R>>\nstartxref\n${table}\n%%EOF`)
}

/** What colour the picture that is shown has at a place, of 1. */
function colour(page: Page, x: number, y: number): Promise<string> {
  return page.getByRole('dialog').getByRole('img').evaluate(
    async (image, [x, y]) => {
      const shown = image as HTMLImageElement
      await shown.decode()
      const canvas = document.createElement('canvas')
      canvas.width = shown.naturalWidth
      canvas.height = shown.naturalHeight
      const draw = canvas.getContext('2d')!
      draw.drawImage(shown, 0, 0)
      const [red, , blue] = draw.getImageData(canvas.width * x, canvas.height * y, 1, 1).data
      return red! > blue! + 100 ? 'red' : blue! > red! + 100 ? 'blue' : 'neither'
    },
    [x, y] as const,
  )
}

test('files are looked at, one after the other, and nothing in them is run', async ({ page }) => {
  const server = await Server.start()
  try {
    // That there is no preview is an answer the browser itself notes.
    const faults = await prepare(page)
    await page.goto(server.url)
    await signIn(page)
    await page.getByRole('link', { name: 'docs', exact: true }).click()
    const jpeg = await photograph(page)
    const files: [string, Buffer | string][] = [
      ['1 photograph.jpg', jpeg],
      ['2 turned.jpg', turned(jpeg)],
      ['3 paper.pdf', pdf(['First', 'Second'])],
      ['4 page.html', MARKUP],
      ['5 drawing.svg', SVG],
      ['6 broken.jpg', jpeg.subarray(0, 30)],
      ['7 archive.zip', Buffer.from('504b0304140000000000', 'hex')],
      ['8 long.txt', `${'A line of a long text that is wrapped where the window ends. '.repeat(20)}\n`.repeat(400)],
    ]
    const given = files.map(([name, bytes]) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) }))
    await page.getByLabel(say('Upload files', 'Dateien hochladen')).setInputFiles(given)
    await expect(page.getByText(say('8 files are uploaded.', '8 Dateien sind hochgeladen.'))).toBeVisible()
    await page.getByRole('button', { name: say('Clear the list', 'Liste leeren') }).click()
    await expect(page.getByRole('row')).toHaveCount(files.length)

    // By its name; then by the keyboard alone.
    await page.getByRole('button', { name: '1 photograph.jpg' }).click()
    const dialog = page.getByRole('dialog')
    await expect(dialog.getByRole('img', { name: '1 photograph.jpg' })).toBeVisible()
    expect([await colour(page, 0.5, 0.1), await colour(page, 0.5, 0.9)]).toEqual(['red', 'blue'])
    await expect(dialog.getByRole('button', { name: say('Previous file', 'Vorherige Datei') })).toBeDisabled()
    await look(page, 'preview-1-picture')

    await page.keyboard.press('ArrowRight')
    await expect(dialog.getByRole('img', { name: '2 turned.jpg' })).toBeVisible()
    expect([await colour(page, 0.9, 0.5), await colour(page, 0.1, 0.5)]).toEqual(['red', 'blue'])
    await dialog.getByRole('button', { name: say('Full size', 'Volle Größe') }).click()
    await look(page, 'preview-2-turned')

    await dialog.getByRole('button', { name: say('Next file', 'Nächste Datei') }).click()
    await expect(dialog.getByText(say('Page 1 of 2', 'Seite 1 von 2'))).toBeVisible()
    await look(page, 'preview-3-document')
    await dialog.getByRole('button', { name: say('Next page', 'Nächste Seite') }).click()
    await expect(dialog.getByText(say('Page 2 of 2', 'Seite 2 von 2'))).toBeVisible()
    await page.keyboard.press('PageUp')
    await expect(dialog.getByText(say('Page 1 of 2', 'Seite 1 von 2'))).toBeVisible()

    await page.keyboard.press('ArrowRight')
    await expect(dialog.locator('pre')).toHaveText(MARKUP)
    await look(page, 'preview-4-markup')
    await page.keyboard.press('ArrowRight')
    await expect(dialog.locator('pre')).toHaveText(SVG)

    await page.keyboard.press('ArrowRight')
    await expect(dialog.getByText(say('The file is damaged', 'Die Datei ist beschädigt'))).toBeVisible()
    await look(page, 'preview-5-broken')
    await page.keyboard.press('ArrowRight')
    await expect(dialog.getByText(say('not shown here', 'hier nicht gezeigt'))).toBeVisible()
    await page.keyboard.press('ArrowRight')
    await expect(dialog.locator('pre')).toContainText('A line of a long text')
    await expect(dialog.getByText(say('This is the beginning', 'Das ist der Anfang'))).toBeAttached()
    await expect(dialog.getByRole('button', { name: say('Next file', 'Nächste Datei') })).toBeDisabled()
    await look(page, 'preview-6-text')

    // Whoever looks sees what somebody saves meanwhile.
    const elsewhere = await page.context().newPage()
    await elsewhere.goto(page.url())
    await elsewhere.getByLabel(say('Upload files', 'Dateien hochladen')).setInputFiles([
      { name: '8 long.txt', mimeType: 'text/plain', buffer: Buffer.from('Somebody else wrote this.') },
    ])
    await expect(dialog.locator('pre')).toHaveText('Somebody else wrote this.')

    const download = page.waitForEvent('download')
    await dialog.getByRole('link', { name: say('Download', 'Herunterladen') }).click()
    expect((await download).suggestedFilename()).toBe('8 long.txt')
    await dialog.getByRole('button', { name: say('History', 'Verlauf') }).click()
    await expect(dialog.getByRole('listitem')).toHaveCount(2)
    // An old version, and back.
    await dialog.getByRole('button', { name: say('View', 'Ansehen') }).nth(1).click()
    await expect(dialog.locator('pre')).toContainText('A line of a long text')
    await look(page, 'preview-7-version')
    await dialog.getByRole('button', { name: say('History', 'Verlauf') }).click()
    await expect(dialog.getByRole('listitem')).toHaveCount(2)
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog')).toHaveCount(0)

    // Enter on a row opens it, Escape leads back to the list.
    await page.getByRole('grid').focus()
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await expect(dialog.getByRole('img', { name: '1 photograph.jpg' })).toBeVisible()
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog')).toHaveCount(0)

    expect(await page.title()).not.toBe('owned')
    expect(await page.evaluate(() => localStorage.getItem('owned'))).toBeNull()
    expect(faults.filter((fault) => !fault.includes('415'))).toEqual([])
  } finally {
    await server.end()
  }
})
