/** ExtendScript's File and Folder over real files, with its ways: paths are URIs, failures are false and not thrown. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

function plainPath(path: string): string {
  const decoded = path.replace(/(%[0-9A-Fa-f]{2})+/g, (run) => decodeURIComponent(run));
  return decoded.startsWith("~") ? join(tmpdir(), decoded.slice(1)) : decoded;
}

/** What the person and the system do: which file is chosen, what was shown. */
export interface Desktop {
  chosen: string | null;
  readonly shown: string[];
  /** Where `Folder.userData` and `Folder.myDocuments` are. */
  readonly home: string;
  /** Where `Folder.temp` is. */
  readonly temp: string;
}

export function fileSystem(desktop: Desktop) {
  class Folder {
    static get temp(): Folder {
      return new Folder(desktop.temp);
    }

    static get userData(): Folder {
      return new Folder(join(desktop.home, "userData"));
    }

    static get myDocuments(): Folder {
      return new Folder(join(desktop.home, "Documents"));
    }

    readonly fsName: string;

    constructor(path: string) {
      this.fsName = plainPath(path);
    }

    get name(): string {
      return encodeURI(basename(this.fsName));
    }

    get displayName(): string {
      return basename(this.fsName);
    }

    get parent(): Folder {
      return new Folder(dirname(this.fsName));
    }

    get exists(): boolean {
      return fs.existsSync(this.fsName) && fs.statSync(this.fsName).isDirectory();
    }

    create(): boolean {
      try {
        fs.mkdirSync(this.fsName);
        return true;
      } catch {
        return this.exists;
      }
    }

    remove(): boolean {
      try {
        fs.rmdirSync(this.fsName);
        return true;
      } catch {
        return false;
      }
    }

    getFiles(mask = "*"): File[] {
      const pattern = new RegExp(`^${mask.replace(/[.]/g, "\\.").replace(/\*/g, ".*")}$`);
      return fs
        .readdirSync(this.fsName)
        .filter((name) => pattern.test(name))
        .map((name) => new File(join(this.fsName, name).split("%").join("%25")));
    }

    execute(): boolean {
      desktop.shown.push(this.fsName);
      return this.exists;
    }
  }

  class File {
    static openDialog(_prompt?: string): File | null {
      return desktop.chosen === null ? null : new File(desktop.chosen.split("%").join("%25"));
    }

    readonly fsName: string;
    encoding = "UTF-8";
    lineFeed = "Unix";
    #content: Buffer | null = null;
    #position = 0;
    #writing = false;

    constructor(path: string) {
      this.fsName = plainPath(path);
    }

    get name(): string {
      return encodeURI(basename(this.fsName));
    }

    get displayName(): string {
      return basename(this.fsName);
    }

    get parent(): Folder {
      return new Folder(dirname(this.fsName).split("%").join("%25"));
    }

    get exists(): boolean {
      return fs.existsSync(this.fsName) && fs.statSync(this.fsName).isFile();
    }

    get length(): number {
      return this.exists ? fs.statSync(this.fsName).size : 0;
    }

    open(mode: string): boolean {
      try {
        this.#writing = mode === "w";
        this.#content = this.#writing ? Buffer.alloc(0) : fs.readFileSync(this.fsName);
        if (this.#writing) {
          fs.writeFileSync(this.fsName, "");
        }
        this.#position = 0;
        return true;
      } catch {
        return false;
      }
    }

    read(chars?: number): string {
      if (this.#content === null) {
        return "";
      }
      const rest = this.#content.subarray(this.#position);
      const part = chars === undefined ? rest : rest.subarray(0, chars);
      this.#position += part.length;
      return part.toString(this.encoding === "BINARY" ? "latin1" : "utf8");
    }

    seek(position: number, from = 0): boolean {
      const origin = [0, this.#position, this.#content?.length ?? 0][from] ?? 0;
      this.#position = origin + position;
      return this.#content !== null;
    }

    write(text: string): boolean {
      if (this.#content === null || !this.#writing) {
        return false;
      }
      const ends = this.lineFeed === "Windows" ? text.split("\n").join("\r\n") : text;
      this.#content = Buffer.concat([this.#content, Buffer.from(ends, this.encoding === "BINARY" ? "latin1" : "utf8")]);
      return true;
    }

    close(): boolean {
      if (this.#writing && this.#content !== null) {
        fs.writeFileSync(this.fsName, this.#content);
      }
      this.#content = null;
      this.#writing = false;
      return true;
    }

    remove(): boolean {
      try {
        fs.unlinkSync(this.fsName);
        return true;
      } catch {
        return false;
      }
    }

    execute(): boolean {
      desktop.shown.push(this.fsName);
      return this.exists;
    }
  }

  return { File, Folder };
}

export type FileSystem = ReturnType<typeof fileSystem>;
export type ScriptFile = InstanceType<FileSystem["File"]>;
