/** What is reached from some networks only: set by an administrator, who cannot lock themselves out, and in force at once. */
import { expect, test } from '@playwright/test'
import { Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server | undefined
test.beforeEach(async () => {
  server = await Server.start()
})
test.afterEach(() => server?.end())

test('administration and folders are limited to networks, and nobody locks themselves out', async ({ page, context }) => {
  const faults = await prepare(page)
  const { url } = server!
  await page.goto(url)
  await signIn(page)
  await expect(page.getByRole('link', { name: 'docs', exact: true })).toBeVisible()
  await page.goto(`${url}/settings`)
  const form = page.getByRole('region', { name: say('Networks', 'Netze') })
  const administration = form.getByLabel(say('Administer from these networks only', 'Nur aus diesen Netzen verwalten'))
  const save = form.getByRole('button', { name: say('Save', 'Speichern') })
  await expect(form.getByText('127.0.0.1')).toBeVisible()

  await administration.fill('10.0.0.0/8')
  await save.click()
  await expect(form.getByRole('alert')).toContainText('lock yourself out')
  await administration.fill('office <b>')
  await save.click()
  await expect(form.getByRole('alert')).toBeVisible()
  await administration.fill('10.0.0.0/8\n127.0.0.1')
  await form.getByLabel(say('Networks for guests', 'Netze für Gäste')).fill('192.0.2.7/24, 2001:db8::1')
  await save.click()
  await expect(page.getByText(say('Saved.', 'Gespeichert.'))).toBeVisible()
  await page.reload()
  await expect(administration).toHaveValue('10.0.0.0/8\n127.0.0.1')
  await expect(form.getByLabel(say('Networks for guests', 'Netze für Gäste'))).toHaveValue('192.0.2.0/24\n2001:db8::1')
  await look(page, 'networks-settings')

  // A folder that is not reached from here is gone from here, without a reload.
  const files = await context.newPage()
  await files.goto(url)
  const folder = files.getByRole('link', { name: 'docs', exact: true })
  await expect(folder).toBeVisible()
  await page.goto(`${url}/shared-folders`)
  const open = page.getByRole('button', { name: say('Edit docs', 'docs bearbeiten') })
  await open.click()
  const networks = page.getByRole('dialog').getByLabel(say('Reached from these networks only', 'Nur aus diesen Netzen erreichbar'))
  await networks.fill('192.168.1.0/24')
  await look(page, 'networks-folder')
  await page.getByRole('dialog').getByRole('button', { name: say('Save', 'Speichern') }).click()
  await expect(page.getByRole('dialog')).toBeHidden()
  await expect(folder).toBeHidden()
  await open.click()
  await expect(networks).toHaveValue('192.168.1.0/24')
  await networks.fill('')
  await page.getByRole('dialog').getByRole('button', { name: say('Save', 'Speichern') }).click()
  await expect(folder).toBeVisible()
  // Twice it was told that this cannot be.
  expect(faults.filter((fault) => !fault.includes('422'))).toEqual([])
})
