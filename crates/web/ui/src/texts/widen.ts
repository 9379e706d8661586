/** What every language has, of what one language says. */
export type Widen<T> = {
  [K in keyof T]: T[K] extends (...values: infer V) => string ? (...values: V) => string : T[K] extends string ? string : Widen<T[K]>
}
