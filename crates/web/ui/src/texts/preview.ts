/** The texts of previews. They are loaded with the first preview, in all languages. */
import { de } from './de/preview.ts'
import { en } from './en/preview.ts'
import { lang } from './language.svelte.ts'

export type PreviewTexts = typeof en

const ALL = { en, de } satisfies Record<typeof lang.name, PreviewTexts>

/** In the language of the moment. */
export function texts(): PreviewTexts {
  return ALL[lang.name]
}
