/** Where in the page one is. Names in a path are encoded one by one, so that any name can stand in one. */
export interface Place {
  first: string
  rest: string[]
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function placeOf(pathname: string): Place {
  const [first = '', ...rest] = pathname.split('/').filter((part) => part !== '').map(decode)
  return { first, rest }
}

export function address(first: string, ...rest: string[]): string {
  return `/${[first, ...rest].map(encodeURIComponent).join('/')}`
}

class Router {
  place = $state.raw<Place>(placeOf(location.pathname))

  constructor() {
    addEventListener('popstate', () => (this.place = placeOf(location.pathname)))
    document.addEventListener('click', (event) => this.#follow(event))
  }

  go(to: string): void {
    history.pushState(null, '', to)
    this.place = placeOf(location.pathname)
  }

  /** Links within the page do not load it anew; those that a person opens elsewhere, and downloads, stay links. */
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.pathname.startsWith('/api/') || link.hash) return
    event.preventDefault()
    this.go(link.pathname + link.search)
  }
}

export const router = new Router()
