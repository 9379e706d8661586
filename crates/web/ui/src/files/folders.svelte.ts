/** The folders that one may read. */
import { api, data, type Folder } from '../api/client.ts'

const PAUSE_MS = 400

class Folders {
  list = $state.raw<Folder[] | undefined>(undefined)
  error = $state.raw<unknown>(undefined)
  #timer: ReturnType<typeof setTimeout> | undefined

  async load(): Promise<void> {
    try {
      this.list = (await data(api.GET('/api/v1/folders'))).folders
      this.error = undefined
    } catch (error) {
      this.error = error
    }
  }

  /** Many wakes, one call. */
  loadSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.load()
    }, PAUSE_MS)
  }
}

export const folders = new Folders()

export function mayWrite(folder: Folder): boolean {
  return folder.privilege === 'write' || folder.privilege === 'manage'
}
