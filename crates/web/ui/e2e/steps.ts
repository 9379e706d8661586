/** What every story does: pictures for a person to look at, axe-core, both languages. */
import { expect, test, type Page } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PASSWORD } from './server.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SHOTS = process.env.DRIFTLESS_SHOTS ?? join(import.meta.dirname, '../../../../target/web/shots')

/** Makes axe-core known to the page, outside of its policy, and says what goes wrong in it. */
export async function prepare(page: Page): Promise<string[]> {
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    // 401 before signing in is an answer that the browser itself notes.
    if (message.type() === 'error' && !message.text().includes('401')) faults.push(message.text())
  })
  await page.addInitScript({ content: AXE })
  return faults
}

interface Violation {
  id: string
  nodes: { html: string; failureSummary: string }[]
}

/** No violation of WCAG 2 A and AA that axe-core finds, and a picture. */
export async function look(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SHOTS, test.info().project.name, `${name}.png`) })
  const violations = await page.evaluate(async () => {
    const axe = (window as unknown as { axe: { run: (on: Document, how: object) => Promise<{ violations: Violation[] }> } }).axe
    return (await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })).violations
  })
  const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html}\n${node.failureSummary}`).join('\n')}`)
  expect(said, name).toEqual([])
}

const german = () => test.info().project.name === 'desktop-dark'
export const say = (english: string, deutsch: string) => (german() ? deutsch : english)

export async function signIn(page: Page, user = 'alice', password = PASSWORD): Promise<void> {
  await page.getByLabel(say('User name', 'Benutzername')).fill(user)
  await page.getByLabel(say('Password', 'Passwort')).fill(password)
  await page.getByRole('button', { name: say('Sign in', 'Anmelden'), exact: true }).click()
}
