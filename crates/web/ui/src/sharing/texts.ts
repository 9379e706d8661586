/** The texts of this place, loaded with it. */
import { sharing as de } from '../texts/de/sharing.ts'
import { sharing as en } from '../texts/en/sharing.ts'
import { lang } from '../texts/language.svelte.ts'

export const texts = () => (lang.name === 'de' ? de : en)

const DAY_MS = 86_400_000

/** The moment so many days from now, as the API takes it. */
export function inDays(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString()
}

export const CHOICES = [1, 7, 30, 90, 365]
