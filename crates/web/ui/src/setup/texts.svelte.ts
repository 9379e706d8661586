/** The texts of the first steps and the settings, in the language of the page. They are loaded with those places. */
import { setup as de } from '../texts/de/setup.ts'
import { setup as en, type SetupTexts } from '../texts/en/setup.ts'
import { lang } from '../texts/language.svelte.ts'

export const texts = {
  get t(): SetupTexts {
    return lang.name === 'de' ? de : en
  },
}
