/** Light or dark: as the system is, unless somebody chose. */
const STORED = 'driftless.theme'
const NAMES = ['system', 'light', 'dark'] as const
export type ThemeName = (typeof NAMES)[number]

function stored(): ThemeName {
  const name = localStorage.getItem(STORED)
  return NAMES.find((one) => one === name) ?? 'system'
}

class Theme {
  name = $state<ThemeName>(stored())

  /** Shows the one that was chosen before. */
  start(): void {
    if (this.name === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = this.name
  }

  next(): void {
    this.name = NAMES[(NAMES.indexOf(this.name) + 1) % NAMES.length] ?? 'system'
    localStorage.setItem(STORED, this.name)
    this.start()
  }
}

export const theme = new Theme()
