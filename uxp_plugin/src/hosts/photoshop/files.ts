/** Files by their path, through the entries that Photoshop's calls want. */

import { fileAddresses } from "./descriptors.ts";
import type { Modules } from "./modules.ts";
import type { FileEntry } from "./uxp.ts";

/** The entry of an ordinary file; null when it is not there or may not be read. */
export async function fileAt(modules: Pick<Modules, "uxp">, path: string): Promise<FileEntry | null> {
  for (const address of fileAddresses(path)) {
    try {
      const entry = await modules.uxp.storage.localFileSystem.getEntryWithUrl(address);
      if (entry.isFile) return entry as FileEntry;
    } catch {
      continue; // not there under this spelling
    }
  }
  return null;
}

export async function exists(modules: Pick<Modules, "fs">, path: string): Promise<boolean> {
  try {
    return (await modules.fs.lstat(path)).isFile();
  } catch {
    return false;
  }
}

export function nameOf(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).pop() ?? path;
}

export function folderOf(path: string): string {
  return path.replace(/[\\/][^\\/]*$/, "");
}
