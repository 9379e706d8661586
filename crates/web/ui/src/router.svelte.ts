/** Addresses of the page's places. Names in a path are encoded one by one, so that any name can stand in one. */
export type Place =
  | { page: 'folders' }
  | { page: 'files'; folder: string; path: string[] }
  | { page: 'trash'; folder: string }
  | { page: 'overview' }
  | { page: 'devices' }
  | { page: 'unknown' }

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function placeOf(pathname: string): Place {
  const [first, second, ...rest] = pathname.split('/').filter((part) => part !== '').map(decode)
  if (first === undefined) return { page: 'folders' }
  if (first === 'files' && second !== undefined) return { page: 'files', folder: second, path: rest }
  if (first === 'trash' && second !== undefined && rest.length === 0) return { page: 'trash', folder: second }
  if ((first === 'overview' || first === 'devices') && second === undefined) return { page: first }
  return { page: 'unknown' }
}

export function addressOf(place: Place): string {
  switch (place.page) {
    case 'files':
      return `/files/${[place.folder, ...place.path].map(encodeURIComponent).join('/')}`
    case 'trash':
      return `/trash/${encodeURIComponent(place.folder)}`
    case 'overview':
    case 'devices':
      return `/${place.page}`
    default:
      return '/'
  }
}

class Router {
  place = $state.raw<Place>(placeOf(location.pathname))

  constructor() {
    addEventListener('popstate', () => (this.place = placeOf(location.pathname)))
    document.addEventListener('click', (event) => this.#follow(event))
  }

  go(place: Place): void {
    history.pushState(null, '', addressOf(place))
    this.place = place
  }

  /** Links within the page do not load it anew; those that a person opens elsewhere, and downloads, stay links. */
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.pathname.startsWith('/api/') || link.hash) return
    event.preventDefault()
    this.go(placeOf(link.pathname))
  }
}

export const router = new Router()
