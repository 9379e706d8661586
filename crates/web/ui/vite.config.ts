import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// While developing, the real server answers below /api: DRIFTLESS_SERVER=http://127.0.0.1:7440 npm run dev
const server = process.env.DRIFTLESS_SERVER ?? 'http://127.0.0.1:7440'

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2023',
    // Nothing is inlined: the page's policy allows no data: scripts, and hashed files are kept by browsers for ever.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The texts of the licences of all that is bundled.
    license: true,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': { target: server, ws: true } } },
})
