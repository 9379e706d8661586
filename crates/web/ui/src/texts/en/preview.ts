/** Texts of previews, in English. */
export const en = {
  previewOf: (name: string) => `Preview of ${name}`,
  previous: 'Previous file',
  next: 'Next file',
  whole: 'Full size',
  fit: 'Fit to the window',
  page: (page: number, pages: number) => `Page ${page} of ${pages}`,
  previousPage: 'Previous page',
  nextPage: 'Next page',
  cut: 'This is the beginning of the file. Download it to see the rest.',
  empty: 'This file is empty.',
  none: 'There is no preview.',
  reasons: {
    unsupported: 'Files of this kind are not shown here.',
    damaged: 'The file is damaged, or not what its name says.',
    too_large: 'The file is too large to be shown here.',
    too_slow: 'It takes too long to make a preview of this file.',
    protected: 'The document is protected by a password.',
    no_such_page: 'The document has no such page.',
    off: 'Previews are switched off on this server.',
    not_sandboxed: 'The server cannot decode files safely on its machine. Its administrator finds out more with “driftless doctor”.',
  } as Record<string, string>,
}
