/** What the server makes of a file to look at: a picture, plain text, or a reason why there is none. Nothing else is ever shown. */
import { Problem, reach } from '../api/client.ts'

export type Preview =
  | { kind: 'picture'; url: string; pages: number }
  | { kind: 'text'; text: string; cut: boolean }
  | { kind: 'none'; reason: string }

/** How often one comes again where many previews are being made. */
const TRIES = 5

export async function preview(folder: string, node: string, version: number | undefined, page: number, signal: AbortSignal): Promise<Preview> {
  const url = new URL(`/api/v1/folders/${folder}/nodes/${node}/preview`, location.origin)
  url.searchParams.set('page', String(page))
  if (version !== undefined) url.searchParams.set('version', String(version))
  try {
    return await received(await patiently(url, signal))
  } catch (error) {
    if (error instanceof Problem && error.kind === 'no_preview') return { kind: 'none', reason: error.reason ?? '' }
    throw error
  }
}

async function patiently(url: URL, signal: AbortSignal): Promise<Response> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await reach(new Request(url, { signal }))
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== 'too_many_requests' || tried === TRIES) throw error
      await new Promise((done) => setTimeout(done, (error.retryAfter ?? 2) * 1_000))
      signal.throwIfAborted()
    }
  }
}

async function received(answer: Response): Promise<Preview> {
  const type = answer.headers.get('content-type') ?? ''
  if (type.startsWith('text/plain')) {
    return { kind: 'text', text: await answer.text(), cut: answer.headers.get('preview-cut') === 'true' }
  }
  if (type !== 'image/jpeg' && type !== 'image/png') return { kind: 'none', reason: 'unsupported' }
  const pages = Number(answer.headers.get('preview-pages') ?? 1)
  return { kind: 'picture', url: URL.createObjectURL(await answer.blob()), pages }
}
