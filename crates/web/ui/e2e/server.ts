/** The real program, with data of its own, as `DRIFTLESS_BIN` or as `cargo build` has left it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const BIN = process.env.DRIFTLESS_BIN ?? join(import.meta.dirname, '../../../../target/debug/driftless')
export const PASSWORD = 'correct horse battery'

export class Server {
  url = ''
  readonly #data = mkdtempSync(join(tmpdir(), 'driftless-web-'))
  readonly #environment = { ...process.env, DRIFTLESS_DATA: join(this.#data, 'server') }
  #process: ChildProcess | undefined
  #said = ''

  static async start(): Promise<Server> {
    const server = new Server()
    server.admin(['init', '--user', 'alice', '--password-stdin'], `${PASSWORD}\n`)
    await server.serve('127.0.0.1:0')
    server.admin(['folder', 'add', 'docs'])
    server.admin(['folder', 'grant', 'docs', 'alice', 'manage'])
    return server
  }

  /** On an empty data directory: it waits for its first administrator. */
  static async startEmpty(): Promise<Server> {
    const server = new Server()
    await server.serve('127.0.0.1:0')
    return server
  }

  /** The setup code that it has printed. */
  code(): string {
    const found = /^setup code.*: (\S+)$/m.exec(this.#said)
    if (!found) throw new Error(`no setup code: ${this.#said}`)
    return found[1]!
  }

  /** Something in its data directory. */
  path(...names: string[]): string {
    return join(this.#environment.DRIFTLESS_DATA, ...names)
  }

  admin(words: string[], input = ''): string {
    return execFileSync(BIN, ['admin', ...words], { input, encoding: 'utf8', env: this.#environment })
  }

  async serve(listen: string): Promise<void> {
    const child = spawn(BIN, ['serve', '--listen', listen], { stdio: ['ignore', 'pipe', 'pipe'], env: this.#environment })
    this.#process = child
    let said = ''
    this.url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (text: Buffer) => {
        said += text.toString()
        this.#said = said
        const found = /listening on (http:\/\/\S+)/.exec(said)
        if (found) resolve(found[1]!)
      })
      child.stderr.on('data', (text: Buffer) => (said += text.toString()))
      child.on('exit', () => reject(new Error(`the server ended: ${said}`)))
    })
  }

  /** Without a farewell, as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** Where it was before. */
  async restart(): Promise<void> {
    await this.kill()
    await this.serve(new URL(this.url).host)
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.#data, { recursive: true, force: true })
  }
}
