/**
 * The language of the page, and how it says sizes and moments. English is in the page; others are loaded when they are chosen.
 */
import { en, type Texts } from './en.ts'

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const
export type LanguageName = keyof typeof LANGUAGES

const STORED = 'driftless.language'
const load: Record<LanguageName, () => Promise<Texts>> = {
  en: async () => en,
  de: async () => (await import('./de.ts')).de,
}

function isLanguage(name: string | null | undefined): name is LanguageName {
  return name != null && Object.hasOwn(LANGUAGES, name)
}

class Language {
  t = $state.raw<Texts>(en)
  name = $state<LanguageName>('en')

  /** The one chosen before, else the first of the browser's that there is. */
  async start(): Promise<void> {
    const wished = [localStorage.getItem(STORED), ...navigator.languages.map((tag) => tag.split('-')[0])]
    await this.#use(wished.find(isLanguage) ?? 'en')
  }

  async choose(name: LanguageName): Promise<void> {
    localStorage.setItem(STORED, name)
    await this.#use(name)
  }

  async #use(name: LanguageName): Promise<void> {
    this.t = await load[name]()
    this.name = name
    document.documentElement.lang = name
  }

  number(value: number, digits = 0): string {
    return new Intl.NumberFormat(this.name, { maximumFractionDigits: digits }).format(value)
  }

  size(bytes: number): string {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
    let [value, unit] = [bytes, 0]
    while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1]
    return `${this.number(value, unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`
  }

  moment(time: string | number, precise = false): string {
    return new Intl.DateTimeFormat(this.name, { dateStyle: 'medium', timeStyle: precise ? 'medium' : 'short' }).format(new Date(time))
  }

  duration(seconds: number): string {
    const [value, unit] = seconds < 90 ? [seconds, 'second'] : seconds < 5_400 ? [seconds / 60, 'minute'] : [seconds / 3_600, 'hour']
    const value_ = Math.max(1, Math.round(value as number))
    return new Intl.NumberFormat(this.name, { style: 'unit', unit: unit as string, unitDisplay: 'short' }).format(value_)
  }
}

export const lang = new Language()
