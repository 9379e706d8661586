import { lang } from '../texts/language.svelte.ts'
import { account as de } from '../texts/de/account.ts'
import { account as en } from '../texts/en/account.ts'

/** This place's texts in the language of now. */
export const texts = () => ({ en, de })[lang.name]
