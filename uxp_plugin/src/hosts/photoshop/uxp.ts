/**
 * What the panel uses of UXP's modules, written down from Adobe's reference (AdobeDocs/uxp-photoshop,
 * src/pages/uxp-api/reference-js/modules/: uxp/persistent-file-storage/file-system-provider.md, file.md, folder.md,
 * uxp/key-value-storage/secure-storage.md, uxp/entry-points/entry-points.md, uxp/shell/shell.md,
 * uxp/host-information/host.md, fs/fs.md, os/os.md). The published packages lack some of these members.
 */

export interface Entry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isFolder: boolean;
  readonly nativePath: string;
  delete(): Promise<number>;
}

export interface FileEntry extends Entry {
  /** With `formats.binary` an ArrayBuffer, else the text. */
  read(options?: { format?: symbol }): Promise<string | ArrayBuffer>;
}

export interface FolderEntry extends Entry {
  createFile(name: string, options?: { overwrite?: boolean }): Promise<FileEntry>;
}

export interface LocalFileSystem {
  /** Null, or in some versions nothing, when the person refuses. */
  getFileForOpening(options?: {
    types?: readonly string[];
    allowMultiple?: false;
  }): Promise<FileEntry | null | undefined>;
  getTemporaryFolder(): Promise<FolderEntry>;
  /** Needs `localFileSystem: "fullAccess"` for `file:` addresses. Throws when there is nothing. */
  getEntryWithUrl(url: string): Promise<Entry>;
  getNativePath(entry: Entry): string;
  /** For batchPlay; good until the plugin is unloaded. */
  createSessionToken(entry: Entry): string;
  /** Outlives the session, but may go stale. */
  createPersistentToken(entry: Entry): Promise<string>;
  getEntryForPersistentToken(token: string): Promise<Entry>;
}

/** Encrypted under the user's account. A cache: what it holds may be lost. */
export interface SecureStorage {
  setItem(key: string, value: string): Promise<void>;
  getItem(key: string): Promise<Uint8Array | null | undefined>;
  removeItem(key: string): Promise<void>;
}

export interface EntryPoints {
  /** Once, and right when the plugin is loaded. Callbacks of panels time out after 300 ms. */
  setup(entrypoints: {
    plugin?: { create(): void; destroy?(): void };
    panels: Readonly<Record<string, { create(root: HTMLElement): void; show?(): void; destroy?(): void }>>;
    commands: Readonly<Record<string, { run(): void }>>;
  }): void;
}

export interface Uxp {
  readonly entrypoints: EntryPoints;
  readonly host: { readonly name: string; readonly version: string; readonly uiLocale: string };
  readonly storage: {
    readonly localFileSystem: LocalFileSystem;
    readonly secureStorage: SecureStorage;
    readonly formats: { readonly binary: symbol; readonly utf8: symbol };
  };
  /** Needs `launchProcess` and asks the person each time. Resolves with "" or with what went wrong. */
  readonly shell: { openPath(path: string, why?: string): Promise<string> };
}

export interface Fs {
  readFile(path: string, options: { encoding: "utf-8" }): Promise<string | ArrayBuffer>;
  lstat(path: string): Promise<{ isFile(): boolean }>;
}

export interface Os {
  /** "darwin", "win32", "win10". */
  platform(): string;
  homedir(): string;
}
