/** The files of a drop or a choice, whole directories with them. */
export interface Found {
  file: File
  /** The directories above it, from where it was dropped. */
  directories: string[]
}

function readAll(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader()
  const all: FileSystemEntry[] = []
  return new Promise((resolve, reject) => {
    // A call gives a hundred or so; the last one none.
    const more = () =>
      reader.readEntries((some) => {
        if (some.length === 0) return resolve(all)
        all.push(...some)
        more()
      }, reject)
    more()
  })
}

async function walk(entry: FileSystemEntry, directories: string[], found: Found[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    found.push({ file, directories })
  } else {
    for (const below of await readAll(entry as FileSystemDirectoryEntry)) await walk(below, [...directories, entry.name], found)
  }
}

export async function dropped(transfer: DataTransfer): Promise<Found[]> {
  // The list is emptied when the event is over: everything is taken from it before the first wait.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const found: Found[] = []
  for (const entry of entries) await walk(entry, [], found)
  return found
}

export function chosen(files: FileList): Found[] {
  return [...files].map((file) => ({ file, directories: file.webkitRelativePath.split('/').slice(0, -1) }))
}
