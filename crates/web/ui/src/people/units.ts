/** Units that quantities are typed in. */
export const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'].map((name, power) => ({ name, factor: 1024 ** power }))
export const RATES = ['KiB/s', 'MiB/s', 'GiB/s'].map((name, power) => ({ name, factor: 1024 ** (power + 1) }))

/** A limit as the API takes it. */
export function limit(value: number | undefined): 'unlimited' | { to: number } {
  return value === undefined ? 'unlimited' : { to: value }
}
