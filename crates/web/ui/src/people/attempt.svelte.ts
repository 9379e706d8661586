/** Something that is tried, with what a person is told if it fails. */
import { Problem } from '../api/client.ts'
import { explain } from '../parts/notices.svelte.ts'
import { people } from '../texts/people.ts'

export class Attempt {
  busy = $state(false)
  problem = $state('')

  /** `changed` is called where somebody else was faster: the dialog shows the newest state then. */
  async make(work: () => Promise<void>, changed?: () => Promise<void>): Promise<void> {
    this.busy = true
    this.problem = ''
    try {
      await work()
    } catch (error) {
      const kind = error instanceof Problem ? error.kind : ''
      if (kind === 'precondition_failed' && changed) {
        await changed().catch(() => {})
        this.problem = people().changedMeanwhile
      } else this.problem = kind === 'already_exists' ? people().nameTaken : error instanceof Problem && kind === 'invalid' ? error.message : explain(error)
    } finally {
      this.busy = false
    }
  }
}
