/** UXP's modules in the simulated Photoshop: real files, behind the permissions that the manifest asks for. */

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { EntryPoints, Entry, FileEntry, FolderEntry, Fs, Uxp } from "../../../../src/hosts/photoshop/uxp.ts";
import type { Realm } from "./imaging.ts";
import { temporaryFolder } from "./temporary.ts";

export interface Manifest {
  readonly manifestVersion: number;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly main: string;
  readonly host: { readonly app: string; readonly minVersion: string };
  readonly entrypoints: readonly {
    readonly type: string;
    readonly id: string;
    readonly label: { readonly default: string };
    readonly icons?: readonly Icon[];
  }[];
  readonly icons: readonly Icon[];
  readonly requiredPermissions: {
    readonly network?: { readonly domains: readonly string[] | "all" };
    readonly localFileSystem?: "plugin" | "request" | "fullAccess";
    readonly launchProcess?: { readonly schemes: readonly string[]; readonly extensions: readonly string[] };
  };
}

export interface Icon {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly scale: readonly number[];
}

type Setup = Parameters<EntryPoints["setup"]>[0];

export class Files {
  /** What the person picks next in a file dialog; null: they refuse. */
  picks: string | null = null;
  /** Folders that were opened for the person; `null` in `consents` means that they refuse. */
  readonly opened: string[] = [];
  consents = true;
  setup: Setup | null = null;
  readonly secrets = new Map<string, Uint8Array>();
  private readonly sessions = new Map<string, string>();
  private readonly persistent = new Map<string, string>();
  private readonly temporary = temporaryFolder();

  constructor(
    private readonly manifest: Manifest,
    private readonly realm: () => Realm,
  ) {}

  get temporaryFolder(): string {
    return this.temporary;
  }

  pathOf(token: unknown): string | null {
    return typeof token === "string" ? (this.sessions.get(token) ?? null) : null;
  }

  /** The file of a persistent token was moved; the token finds it. */
  move(from: string, to: string): void {
    for (const [token, path] of this.persistent) if (path === from) this.persistent.set(token, to);
  }

  uxp(version: string): Uxp {
    const formats = { binary: Symbol("binary"), utf8: Symbol("utf8") };
    return {
      host: { name: "Photoshop", version, uiLocale: "en_US" },
      entrypoints: { setup: (given) => this.entrypoints(given) },
      storage: {
        formats,
        secureStorage: {
          setItem: async (key, value) => {
            if (value === "") throw new Error("The value is empty.");
            this.secrets.set(key, new TextEncoder().encode(value));
          },
          getItem: async (key) => {
            const bytes = this.secrets.get(key);
            return bytes === undefined ? null : new (this.realm().Uint8Array)(bytes);
          },
          removeItem: async (key) => {
            if (!this.secrets.delete(key)) throw new Error("There is no such item.");
          },
        },
        localFileSystem: {
          getFileForOpening: async () => (this.picks === null ? null : this.file(this.picks, formats.binary)),
          getTemporaryFolder: async () => this.folder(this.temporary, formats.binary),
          getEntryWithUrl: async (url) => {
            if (!url.startsWith("file:/")) throw new Error("Invalid file url.");
            this.needsFullAccess();
            const path = url.slice("file:".length);
            if (!existsSync(path)) throw new Error("The entry does not exist.");
            return statSync(path).isFile() ? this.file(path, formats.binary) : this.folder(path, formats.binary);
          },
          getNativePath: (entry) => entry.nativePath,
          createSessionToken: (entry) => {
            const token = `session-${this.sessions.size}`;
            this.sessions.set(token, entry.nativePath);
            return token;
          },
          createPersistentToken: async (entry) => {
            const token = `persistent-${this.persistent.size}`;
            this.persistent.set(token, entry.nativePath);
            return token;
          },
          getEntryForPersistentToken: async (token) => {
            const path = this.persistent.get(token);
            if (path === undefined || !existsSync(path)) throw new ReferenceError("token is not defined");
            return this.file(path, formats.binary);
          },
        },
      },
      shell: {
        openPath: async (path) => {
          const ending = /\.[^./\\]+$/.exec(basename(path))?.[0] ?? "";
          const allowed = this.manifest.requiredPermissions.launchProcess?.extensions ?? [];
          if (!allowed.includes(ending)) throw new Error("The extension is not in the manifest.");
          if (!this.consents) return "The user refused.";
          this.opened.push(path);
          return "";
        },
      },
    };
  }

  fs(): Fs {
    return {
      readFile: async (path) => {
        this.needsFullAccess();
        return readFileSync(path, "utf8");
      },
      lstat: async (path) => {
        this.needsFullAccess();
        return statSync(path);
      },
    };
  }

  private entrypoints(given: Setup): void {
    if (this.setup !== null) throw new Error("The entry points are set up already.");
    const described = (type: string): string[] =>
      this.manifest.entrypoints.filter((one) => one.type === type).map(({ id }) => id);
    for (const [ids, known] of [
      [Object.keys(given.panels), described("panel")],
      [Object.keys(given.commands), described("command")],
    ] as const) {
      const unknown = ids.find((id) => !known.includes(id));
      if (unknown !== undefined) throw new Error(`The entry point ${unknown} is not in the manifest.`);
    }
    this.setup = given;
  }

  private needsFullAccess(): void {
    if (this.manifest.requiredPermissions.localFileSystem !== "fullAccess") {
      throw new Error("The plugin may not use the file system: localFileSystem is not fullAccess.");
    }
  }

  private entry(path: string): Omit<Entry, "isFile" | "isFolder"> {
    return {
      name: basename(path),
      nativePath: path,
      delete: async () => {
        rmSync(path);
        return 0;
      },
    };
  }

  private file(path: string, binary: symbol): FileEntry {
    return {
      ...this.entry(path),
      isFile: true,
      isFolder: false,
      read: async (options) => {
        if (options?.format !== binary) return readFileSync(path, "utf8");
        const bytes = readFileSync(path);
        const { ArrayBuffer, Uint8Array } = this.realm();
        const copy = new ArrayBuffer(bytes.length);
        new Uint8Array(copy).set(bytes);
        return copy;
      },
    };
  }

  private folder(path: string, binary: symbol): FolderEntry {
    return {
      ...this.entry(path),
      isFile: false,
      isFolder: true,
      createFile: async (name, options) => {
        const inside = join(path, name);
        if (existsSync(inside) && options?.overwrite !== true) throw new Error("The file exists already.");
        writeFileSync(inside, "");
        return this.file(inside, binary);
      },
    };
  }
}
