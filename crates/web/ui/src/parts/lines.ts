/** A list as a person types it: a line each, or with commas or spaces between. */
export const listed = (text: string): string[] => text.split(/[\s,;]+/).filter((one) => one !== '')
