/** Single sign-on against a real provider: set up, groups, connecting an account, and what happens without it. */
import { expect, test, type Page } from '@playwright/test'
import { CLIENT, Provider } from './provider.ts'
import { PASSWORD, Server } from './server.ts'
import { look, prepare, say, signIn } from './steps.ts'

let server: Server
let provider: Provider

test.beforeEach(async () => {
  server = await Server.start()
  server.admin(['group', 'add', 'staff'])
  server.admin(['folder', 'add', 'plans'])
  server.admin(['folder', 'grant', 'plans', '@staff', 'read'])
  provider = await Provider.start(server.url)
})
test.afterEach(async () => {
  await provider?.down()
  await server?.end()
})

const BUTTON = 'Sign in with <b>Example</b>'
const button = (page: Page, english: string, deutsch: string) => page.getByRole('button', { name: say(english, deutsch), exact: true })
const section = (page: Page) => page.getByRole('region', { name: 'Single sign-on', exact: true })
const folder = (page: Page, name: string) => page.getByRole('link', { name, exact: true })

async function signOut(page: Page): Promise<void> {
  await button(page, 'Sign out', 'Abmelden').click()
  await expect(button(page, 'Sign in', 'Anmelden')).toBeVisible()
}

/** At the provider's own page. */
async function beNamed(page: Page, name: string): Promise<void> {
  await page.getByLabel('Who are you?').fill(name)
  await page.getByRole('button', { name: 'Yes' }).click()
}

async function choose(page: Page, create: boolean): Promise<void> {
  await page.goto(`${server.url}/settings`)
  const settings = section(page)
  await settings.getByLabel('Issuer').fill(provider.issuer)
  await settings.getByLabel('Client ID').fill(CLIENT.id)
  await settings.getByLabel('Client secret').fill(CLIENT.secret)
  await settings.getByLabel('Text of the button').fill(BUTTON)
  await button(page, 'Add a group', 'Gruppe hinzufügen').click()
  await settings.getByLabel('Group there').fill('/company/staff')
  if (create) await settings.getByLabel('Make accounts for people').check()
  await settings.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page.getByText('Saved.')).toBeVisible()
}

test('people sign in by the provider, with its groups, and by password when it is down', async ({ page, context }) => {
  const faults = await prepare(page)
  await page.goto(server.url)
  await signIn(page)
  await expect(folder(page, 'docs')).toBeVisible()
  await choose(page, true)
  await section(page).scrollIntoViewIfNeeded()
  await look(page, 'sso-1-settings')
  await page.reload()
  await expect(section(page).getByText('it is not shown')).toBeVisible()
  await expect(section(page).getByLabel('Client secret')).toHaveValue('')
  await signOut(page)

  provider.groups['carol'] = ['/company/staff', 'unknown']
  await page.goto(server.url)
  await look(page, 'sso-2-sign-in')
  // By keyboard alone.
  await page.getByRole('button', { name: BUTTON, exact: true }).focus()
  await page.keyboard.press('Enter')
  await beNamed(page, 'carol')
  await expect(folder(page, 'plans')).toBeVisible()
  await expect(page).toHaveURL(`${server.url}/`)
  await expect(folder(page, 'docs')).toHaveCount(0)
  await page.goto(`${server.url}/account`)
  await expect(page.getByRole('heading', { name: /carol/ })).toBeVisible()
  await expect(section(page).getByText('Connected to “carol”')).toBeVisible()
  await look(page, 'sso-3-account')
  page.once('dialog', (dialog) => void dialog.accept())
  await section(page).getByRole('button', { name: 'Disconnect' }).click()
  await expect(section(page).getByRole('alert')).toContainText('set a password first')
  await signOut(page)

  // No longer in the group there; the provider still knows who it is.
  provider.groups['carol'] = []
  await page.goto(`${server.url}/devices`)
  await page.getByRole('button', { name: BUTTON, exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Devices', level: 1 })).toBeVisible()
  await page.goto(server.url)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await expect(folder(page, 'plans')).toHaveCount(0)
  await signOut(page)
  await context.clearCookies()

  await page.goto(server.url)
  await page.getByRole('button', { name: BUTTON, exact: true }).click()
  await page.getByRole('button', { name: 'No' }).click()
  await expect(page.getByRole('alert')).toContainText('was cancelled')
  await expect(page.locator('main img[src="x"]')).toHaveCount(0)
  expect(page.url()).toBe(`${server.url}/sign-in/callback`)
  await look(page, 'sso-4-cancelled')
  // What was sent once is worth nothing twice, nor what somebody else was sent.
  await page.goto(`${server.url}/sign-in/callback?code=abc&state=def`)
  await expect(page.getByRole('alert')).toContainText('Begin again')
  expect(faults.filter((fault) => !fault.includes('403'))).toEqual([])

  await provider.down()
  await expect(async () => {
    await page.goto(server.url)
    await page.getByRole('button', { name: BUTTON, exact: true }).click()
    await expect(page.getByRole('alert')).toContainText('does not answer', { timeout: 2_000 })
  }).toPass()
  await look(page, 'sso-5-provider-down')
  await signIn(page)
  await expect(folder(page, 'docs')).toBeVisible()
})

test('an account that is there is connected by its owner alone', async ({ page }) => {
  const faults = await prepare(page)
  await page.goto(server.url)
  await signIn(page)
  await expect(folder(page, 'docs')).toBeVisible()
  await choose(page, true)
  await signOut(page)

  // The provider has an "alice", too: that is nobody's proof.
  await page.goto(server.url)
  await page.getByRole('button', { name: BUTTON, exact: true }).click()
  await beNamed(page, 'alice')
  await expect(page.getByRole('alert')).toContainText('An account with your name is here already')
  await look(page, 'sso-6-name-taken')
  await signIn(page)
  await expect(folder(page, 'docs')).toBeVisible()
  expect(page.url()).toBe(`${server.url}/`)

  await page.goto(`${server.url}/account`)
  await section(page).getByRole('button', { name: 'Connect', exact: true }).click()
  await section(page).getByLabel('Your password, once more').fill('not my password')
  await section(page).getByRole('button', { name: 'Connect', exact: true }).click()
  await expect(section(page).getByRole('alert')).toBeVisible()
  await section(page).getByLabel('Your password, once more').fill(PASSWORD)
  await section(page).getByRole('button', { name: 'Connect', exact: true }).click()
  await expect(page).toHaveURL(`${server.url}/account`)
  await expect(section(page).getByText('Connected to “alice”')).toBeVisible()
  await look(page, 'sso-7-connected')
  await signOut(page)
  await page.goto(server.url)
  await page.getByRole('button', { name: BUTTON, exact: true }).click()
  await expect(folder(page, 'docs')).toBeVisible()
  await page.goto(`${server.url}/account`)
  page.once('dialog', (dialog) => void dialog.accept())
  await section(page).getByRole('button', { name: 'Disconnect' }).click()
  await expect(section(page).getByText('is not connected')).toBeVisible()
  // Refusals are noted by the browser itself.
  expect(faults.filter((fault) => !fault.includes('403'))).toEqual([])
})
