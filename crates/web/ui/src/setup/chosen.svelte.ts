/** What is chosen about the server, with the tag by which a change made elsewhere meanwhile is noticed. */
import { api, Problem, type Schemas } from '../api/client.ts'

class Chosen {
  settings = $state.raw<Schemas['SettingEntry'][]>()
  chosen = $state.raw<Schemas['ChosenSettings']>()
  #tag = '*'

  async load(): Promise<void> {
    this.#take(await api.GET('/api/v1/admin/settings'))
  }

  /** Whether it was saved; if not, what is there now is somebody else's. */
  async save(wanted: Schemas['ChosenSettings']): Promise<boolean> {
    try {
      this.#take(await api.PUT('/api/v1/admin/settings', { params: { header: { 'if-match': this.#tag } }, body: wanted }))
      return true
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== 'precondition_failed') throw error
      await this.load()
      return false
    }
  }

  #take({ data, response }: { data?: Schemas['SettingsResponse']; response: Response }): void {
    this.#tag = response.headers.get('etag') ?? '*'
    this.settings = data?.settings
    this.chosen = data?.chosen
  }
}

export const chosen = new Chosen()
