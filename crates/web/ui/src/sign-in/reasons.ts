/** Why single sign-on came to nothing, for a person. It is loaded where that happens. */
import { Problem } from '../api/client.ts'
import { explain } from '../parts/notices.svelte.ts'
import { sso as de } from '../texts/de/sso.ts'
import { sso as en } from '../texts/en/sso.ts'
import { lang } from '../texts/language.svelte.ts'

export const texts = () => ({ en, de })[lang.name]

export function explainReason(error: unknown): string {
  if (!(error instanceof Problem) || error.kind !== 'single_sign_on_failed') return explain(error)
  const reasons: Record<string, string> = texts().reasons
  return reasons[error.reason ?? ''] ?? texts().failed
}
