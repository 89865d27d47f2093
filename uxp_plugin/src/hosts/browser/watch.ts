/** A file that an image editor saves again and again, where the browser lets a page look at it. */

const POLL_MS = 1000;

/** The parts of a FileSystemFileHandle that are used; TypeScript's library lacks the picker. */
export interface FileHandle {
  readonly name: string;
  getFile(): Promise<File>;
  createWritable(): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void> }>;
}

export type SavePicker = (options: {
  suggestedName: string;
  types: readonly { description: string; accept: Readonly<Record<string, readonly string[]>> }[];
}) => Promise<FileHandle>;

/** The browser's dialogue for a file to save to, or null where there is none. */
export function savePicker(page: object): SavePicker | null {
  const picker: unknown = "showSaveFilePicker" in page ? page.showSaveFilePicker : null;
  return typeof picker === "function" ? (options) => picker.call(page, options) : null;
}

/** Calls back with the file each time that it was saved after now and then left alone; returns how to stop. */
export function watch(handle: FileHandle, saved: (file: File) => void, lost: (thrown: unknown) => void): () => void {
  let told: string | null = null;
  let seen = "";
  let stopped = false;
  const look = async (): Promise<void> => {
    try {
      const file = await handle.getFile();
      const state = `${file.lastModified} ${file.size}`;
      const rests = state === seen; // else it is perhaps still being written
      seen = state;
      if (told === null) {
        told = state;
      } else if (!stopped && rests && state !== told && file.size > 0) {
        told = state;
        saved(file);
      }
    } catch (thrown) {
      // An editor that writes aside and renames leaves a moment without a file.
      if (!(thrown instanceof DOMException && thrown.name === "NotFoundError")) {
        stop();
        lost(thrown);
      }
    }
  };
  const timer = setInterval(() => void look(), POLL_MS);
  void look();
  function stop(): void {
    stopped = true;
    clearInterval(timer);
  }
  return stop;
}
