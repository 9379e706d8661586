/**
 * The places of the page: their addresses, where the navigation shows them, and what draws them. What a first look needs is
 * in the first load; the rest is loaded when somebody goes there.
 */
import type { Component } from 'svelte'
import FilesPage from './files/FilesPage.svelte'
import FoldersPage from './files/FoldersPage.svelte'
import type { IconName } from './parts/Icon.svelte'
import type { Texts } from './texts/en.ts'

/** What draws a place: it is given the parts of the address behind the first as `rest`, whether it takes them or not. */
type Page = Component<any>

export interface PlaceEntry {
  /** The first part of its address. The server has to know it, too: `PLACES` in `crates/server/src/page.rs`. */
  first: string
  /** How many parts may follow. */
  rest: 'none' | 'one' | 'any'
  /** How the navigation shows it. */
  link?: { icon: IconName; text: (texts: Texts) => string; for: 'everybody' | 'administrators' }
  /** Which place's link is the current one here, where it has none itself. */
  under?: string
  page?: Page
  load?: () => Promise<{ default: Page }>
}

export const PLACES: readonly PlaceEntry[] = [
  { first: '', rest: 'none', link: { icon: 'folder', text: (t) => t.files, for: 'everybody' }, page: FoldersPage },
  { first: 'files', rest: 'any', under: '', page: FilesPage },
  { first: 'past', rest: 'any', under: '', load: () => import('./past/PastPage.svelte') },
  { first: 'search', rest: 'any', under: '', load: () => import('./search/SearchPage.svelte') },
  { first: 'trash', rest: 'any', under: '', load: () => import('./trash/TrashPage.svelte') },
  {
    first: 'shared',
    rest: 'none',
    link: { icon: 'link', text: (t) => t.sharedPlace, for: 'everybody' },
    load: () => import('./sharing/SharedPage.svelte'),
  },
  {
    first: 'devices',
    rest: 'none',
    link: { icon: 'devices', text: (t) => t.devices, for: 'everybody' },
    load: () => import('./devices/DevicesPage.svelte'),
  },
  {
    first: 'people',
    rest: 'none',
    link: { icon: 'people', text: (t) => t.people, for: 'administrators' },
    load: () => import('./people/PeoplePage.svelte'),
  },
  {
    first: 'shared-folders',
    rest: 'none',
    link: { icon: 'folder', text: (t) => t.folders, for: 'administrators' },
    load: () => import('./shared-folders/SharedFoldersPage.svelte'),
  },
  {
    first: 'all-devices',
    rest: 'none',
    link: { icon: 'devices', text: (t) => t.allDevices, for: 'administrators' },
    load: () => import('./devices/AllDevicesPage.svelte'),
  },
  {
    first: 'overview',
    rest: 'none',
    link: { icon: 'chart', text: (t) => t.overview, for: 'everybody' },
    load: () => import('./overview/OverviewPage.svelte'),
  },
  { first: 'activity', rest: 'one', under: '', load: () => import('./watch/ActivityPage.svelte') },
  {
    first: 'issues',
    rest: 'none',
    link: { icon: 'alert', text: (t) => t.watch.issues, for: 'everybody' },
    load: () => import('./watch/IssuesPage.svelte'),
  },
  {
    first: 'log',
    rest: 'none',
    link: { icon: 'list', text: (t) => t.watch.log, for: 'administrators' },
    load: () => import('./watch/LogPage.svelte'),
  },
  {
    first: 'settings',
    rest: 'none',
    link: { icon: 'sliders', text: (t) => t.settings, for: 'administrators' },
    load: () => import('./settings/SettingsPage.svelte'),
  },
  { first: 'setup', rest: 'one', under: 'settings', load: () => import('./setup/WizardPage.svelte') },
]

/** The place of an address; none where there is no such. */
export function entryOf(first: string, rest: string[]): PlaceEntry | undefined {
  const entry = PLACES.find((place) => place.first === first)
  if (!entry) return undefined
  const fits = entry.rest === 'any' ? rest.length > 0 : rest.length === (entry.rest === 'one' ? 1 : 0)
  return fits ? entry : undefined
}
