import { defineConfig } from '@playwright/test'

// Debian's Chromium; it is told not to look for anything outside.
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const launchOptions = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args }

export default defineConfig({
  testDir: '.',
  outputDir: process.env.DRIFTLESS_SHOTS ? `${process.env.DRIFTLESS_SHOTS}/traces` : '../../../../target/web/traces',
  timeout: 120_000,
  workers: 1,
  // A second try is reported as flaky: on a busy machine a story of real processes may lose a race of its own. A fault fails again.
  retries: 1,
  reporter: 'line',
  use: { locale: 'en-GB', screenshot: 'only-on-failure', timezoneId: 'UTC', launchOptions },
  projects: [
    { name: 'desktop', use: { viewport: { width: 1280, height: 800 } } },
    // German and dark, where most texts and colours are seen.
    { name: 'desktop-dark', testMatch: /(walk|watch|people|links|firstrun)\.spec/, use: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark', locale: 'de-DE' } },
    { name: 'phone', use: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
  ],
})
