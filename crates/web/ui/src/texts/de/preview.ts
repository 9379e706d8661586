/** Texte der Vorschau, auf Deutsch. */
import type { PreviewTexts } from '../preview.ts'

export const de: PreviewTexts = {
  previewOf: (name) => `Vorschau von ${name}`,
  previous: 'Vorherige Datei',
  next: 'Nächste Datei',
  whole: 'Volle Größe',
  fit: 'Ins Fenster einpassen',
  page: (page, pages) => `Seite ${page} von ${pages}`,
  previousPage: 'Vorherige Seite',
  nextPage: 'Nächste Seite',
  cut: 'Das ist der Anfang der Datei. Laden Sie sie herunter, um den Rest zu sehen.',
  empty: 'Diese Datei ist leer.',
  none: 'Es gibt keine Vorschau.',
  reasons: {
    unsupported: 'Dateien dieser Art werden hier nicht gezeigt.',
    damaged: 'Die Datei ist beschädigt oder nicht, was ihr Name sagt.',
    too_large: 'Die Datei ist zu groß, um hier gezeigt zu werden.',
    too_slow: 'Eine Vorschau dieser Datei zu machen dauert zu lange.',
    protected: 'Das Dokument ist mit einem Passwort geschützt.',
    no_such_page: 'Das Dokument hat keine solche Seite.',
    off: 'Auf diesem Server ist die Vorschau abgeschaltet.',
    not_sandboxed: 'Der Server kann Dateien auf seinem Rechner nicht sicher dekodieren. Mehr sagt dem Administrator „driftless doctor“.',
  },
}
