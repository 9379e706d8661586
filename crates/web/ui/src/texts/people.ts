/** The texts of what administrators and managers see of people. They are loaded with the places that need them, in all languages. */
import { de } from './de/people.ts'
import { en } from './en/people.ts'
import { lang } from './language.svelte.ts'

type Widen<T> = {
  [K in keyof T]: T[K] extends (...values: infer V) => string ? (...values: V) => string : T[K] extends string ? string : Widen<T[K]>
}
export type PeopleTexts = Widen<typeof en>

const ALL = { en, de } satisfies Record<typeof lang.name, PeopleTexts>

/** In the language of the moment. */
export function people(): PeopleTexts {
  return ALL[lang.name]
}
