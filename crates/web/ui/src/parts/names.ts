/**
 * How a name is shown. Signs that turn the text around them about, or cannot be seen at all, could make `exe.jpg` of what ends in
 * `gpj.exe`: each is shown as a sign of its own. Names themselves are never changed.
 */
const MISLEADING = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu

export function shown(name: string): string {
  return name.replace(MISLEADING, '\ufffd')
}
