import { untrack } from 'svelte'

/** Asks again and again while somebody looks: never while the page is out of sight, and never twice at once. */
export function poll(ask: () => Promise<void>, pause = 1_000): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let [asking, ended] = [false, false]

  async function round(): Promise<void> {
    clearTimeout(timer)
    if (ended || asking || document.visibilityState !== 'visible') return
    asking = true
    await ask()
    asking = false
    if (!ended) timer = setTimeout(() => void round(), pause)
  }
  const seen = () => void round()
  document.addEventListener('visibilitychange', seen)
  void untrack(round)
  return () => {
    ended = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', seen)
  }
}
