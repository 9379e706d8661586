/** Lays a brotli copy beside each built file that gets smaller by it, so that the server compresses nothing while it runs. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'

const TEXTS = /\.(html|js|css|svg|json|md|txt|webmanifest)$/

for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !TEXTS.test(entry.name)) continue
  const path = join(entry.parentPath, entry.name)
  const plain = readFileSync(path)
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length }
  const packed = brotliCompressSync(plain, { params })
  if (packed.length < plain.length) writeFileSync(`${path}.br`, packed)
}
