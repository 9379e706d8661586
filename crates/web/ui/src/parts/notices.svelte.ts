/** Short messages about what was just done, read out to those who do not see them. */
import { Problem } from '../api/client.ts'
import { session } from '../api/session.svelte.ts'
import { lang } from '../texts/language.svelte.ts'

interface Notice {
  id: number
  text: string
  bad: boolean
}

const SHOWN_MS = 7_000

class Notices {
  list = $state<Notice[]>([])
  #next = 0

  say(text: string, bad = false): void {
    const id = this.#next++
    this.list.push({ id, text, bad })
    setTimeout(() => this.dismiss(id), SHOWN_MS)
  }

  fail(error: unknown): void {
    this.say(explain(error), true)
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id)
  }
}

/** What happened, for a person. */
export function explain(error: unknown): string {
  if (!(error instanceof Problem)) return `${lang.t.failed}: ${String(error)}`
  if (error.kind === 'unreachable') return lang.t.unreachable
  if (error.kind === 'not_found') return lang.t.notFound
  if (error.kind === 'sign_in_failed') return session.person?.has_password === false ? lang.t.signInAnew : lang.t.wrongPassword
  if (error.kind === 'wrong_code') return lang.t.wrongCode
  if (error.kind === 'too_many_requests') return lang.t.tooMany(error.retryAfter ?? 1)
  return `${lang.t.failed}: ${error.message}`
}

export const notices = new Notices()
