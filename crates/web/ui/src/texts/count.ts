/** A number of things, in words of a language that has one word for one and another for more. */
export function count(language: string, n: number, one: string, other: string): string {
  return `${new Intl.NumberFormat(language).format(n)} ${n === 1 ? one : other}`
}
