import { explain } from '../parts/notices.svelte.ts'

/** Something that is tried: whether it runs, and what came of it if it failed. */
export class Attempt {
  busy = $state(false)
  problem = $state('')

  async run(work: () => Promise<void>): Promise<void> {
    this.busy = true
    this.problem = ''
    try {
      await work()
    } catch (error) {
      this.problem = explain(error)
    } finally {
      this.busy = false
    }
  }

  /** What a form's `onsubmit` takes. */
  submit(work: () => Promise<void>): (event: SubmitEvent) => void {
    return (event) => {
      event.preventDefault()
      void this.run(work)
    }
  }
}
