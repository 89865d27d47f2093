/** A simulated After Effects: its objects, and an ExtendScript engine that knows no more than the real one. */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { fileSystem } from "./files.ts";
import type { Desktop, FileSystem, ScriptFile } from "./files.ts";
import { AlphaMode, AVItem, CompItem, FileSource, FolderItem, FootageItem, Item, PulldownPhase, SolidSource } from "./items.ts";
import type { Media, Studio } from "./items.ts";
import { AVLayer, Layer } from "./layers.ts";
import { pngBytes, readPng } from "./pictures.ts";
import { MaskMode, Property, PropertyBase, PropertyGroup, MaskPropertyGroup, Shape, Undo } from "./properties.ts";
import { Panel, Window } from "./script_ui.ts";

const ImportAsType = { FOOTAGE: 3812, COMP: 3814 } as const;
const RQItemStatus = { QUEUED: 3015, DONE: 3019 } as const;

/** Leaves of the engine's built-in objects what ES3 has: what ExtendScript lacks is to fail here too. */
const ES3 = `
  (function (kept, gone) {
    for (const name in kept) {
      const prototype = globalThis[name].prototype;
      for (const key of Object.getOwnPropertyNames(prototype)) {
        if (!kept[name].test(key)) delete prototype[key];
      }
    }
    delete Date.now; delete Array.isArray; delete Array.from; delete Function.prototype.bind;
    for (const name of Object.getOwnPropertyNames(Object)) {
      if (!/^(prototype|length|name)$/.test(name)) delete Object[name];
    }
    for (let at = 0; at < gone.length; at++) delete globalThis[gone[at]];
  })(
    {
      Array: /^(constructor|concat|join|pop|push|reverse|shift|slice|sort|splice|unshift|length|toString)$/,
      String: /^(constructor|charAt|charCodeAt|concat|indexOf|lastIndexOf|length|match|replace|search|slice|split|substr|substring|toLowerCase|toUpperCase|toString|valueOf)$/,
    },
    ["JSON", "Promise", "Map", "Set", "WeakMap", "WeakSet", "Symbol", "Reflect", "Proxy", "Intl", "console", "Uint8Array"],
  );
`;

class ImportOptions {
  importAs: number = ImportAsType.FOOTAGE;
  sequence = false;

  constructor(readonly file: ScriptFile) {
    if (!file.exists) {
      throw new Error(`After Effects error: File “${file.fsName}” does not exist.`);
    }
  }
}

export interface Options {
  /** Holds temporary files, the project, settings. */
  readonly folder: string;
  /** What is in a file that is no PNG; null: After Effects cannot read it. */
  readonly probe?: (path: string) => Media | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly delay?: number;
  readonly version?: string;
  /** Names of the output module's templates. */
  readonly templates?: readonly string[];
}

export class AfterEffects {
  readonly undo = new Undo();
  readonly desktop: Desktop;
  readonly items: Item[] = [];
  readonly context: Record<string, unknown>;
  readonly files: FileSystem;
  readonly root: FolderItem;
  active: Item | null = null;
  projectFile: ScriptFile | null = null;
  /** How long each `system.callSystem` blocked, in ms. */
  readonly blocked: number[] = [];
  readonly queue: RenderQueue;
  readonly #studio: Studio;
  readonly #probe: (path: string) => Media | null;
  readonly #tasks = new Map<number, NodeJS.Timeout>();
  readonly #faults: unknown[] = [];
  #lastId = 0;

  constructor(options: Options) {
    this.desktop = { chosen: null, shown: [], home: join(options.folder, "home"), temp: join(options.folder, "temp") };
    for (const folder of [this.desktop.home, this.desktop.temp, join(this.desktop.home, "Documents")]) {
      mkdirSync(folder, { recursive: true });
    }
    this.files = fileSystem(this.desktop);
    this.#probe = options.probe ?? (() => null);
    const studio = { undo: this.undo, items: this.items, root: null as FolderItem | null, delay: options.delay ?? 5, nextId: () => ++this.#lastId };
    this.root = new FolderItem(studio, "Root");
    studio.root = this.root;
    this.#studio = studio;
    this.queue = new RenderQueue(options.templates ?? []);
    this.context = this.#engine(options);
  }

  /** Run a script as After Effects does: ES3's built-in objects only, one undo bracket, errors thrown. */
  evaluate(script: string): unknown {
    try {
      return runInContext(script, this.context);
    } finally {
      this.undo.settle();
    }
  }

  media(path: string): Media {
    if (extname(path).toLowerCase() === ".png") {
      const raster = readPng(path);
      return { width: raster.width, height: raster.height, still: true, hasAlpha: true, frameRate: 0, frames: 1, picture: () => raster };
    }
    const found = this.#probe(path);
    if (found === null) {
      throw new Error(`After Effects error: Could not import “${basename(path)}”: its format is not supported.`);
    }
    return found;
  }

  importFile(options: ImportOptions): FootageItem {
    const media = this.media(options.file.fsName);
    const item = new FootageItem(this.#studio, options.file.displayName, new FileSource(options.file, media), media.width, media.height);
    this.#keep(item);
    return item;
  }

  /** As the person imports a file. */
  footage(path: string): FootageItem {
    return this.importFile(new ImportOptions(new this.files.File(path)));
  }

  composition(name: string, width: number, height: number, duration: number, frameRate: number): CompItem {
    const comp = new CompItem(this.#studio, name, width, height, 1, duration, frameRate);
    this.#keep(comp);
    return comp;
  }

  /** What scheduled scripts threw. */
  get faults(): readonly unknown[] {
    return this.#faults;
  }

  close(): void {
    for (const task of this.#tasks.values()) {
      clearTimeout(task);
    }
    this.#tasks.clear();
  }

  #keep(item: Item): void {
    this.items.push(item);
    this.undo.change("add item", () => this.items.splice(this.items.indexOf(item), 1));
  }

  #engine(options: Options): Record<string, unknown> {
    const settings = new Map<string, string>();
    const studio = this;
    const itemCollection = new Proxy(
      {
        get length(): number {
          return studio.items.length;
        },
        addComp: (name: string, width: number, height: number, pixelAspect: number, duration: number, frameRate: number): CompItem => {
          const comp = new CompItem(this.#studio, name, width, height, pixelAspect, duration, frameRate);
          this.#keep(comp);
          return comp;
        },
      },
      { get: (target, name) => (/^\d+$/.test(String(name)) ? studio.items[Number(name) - 1] : Reflect.get(target, name)) },
    );
    const project = {
      get activeItem(): Item | null {
        return studio.active;
      },
      get file(): ScriptFile | null {
        return studio.projectFile;
      },
      items: itemCollection,
      renderQueue: this.queue,
      importFile: (importOptions: ImportOptions) => this.importFile(importOptions),
    };
    const app = {
      version: options.version ?? "25.2x26",
      project,
      settings: {
        haveSetting: (section: string, key: string) => settings.has(`${section}/${key}`),
        getSetting: (section: string, key: string) => settings.get(`${section}/${key}`),
        saveSetting: (section: string, key: string, value: string) => settings.set(`${section}/${key}`, value),
      },
      beginUndoGroup: (name: string) => this.undo.begin(name),
      endUndoGroup: () => this.undo.end(),
      scheduleTask: (script: string, delay: number, _repeat: boolean) => this.#schedule(script, delay),
      cancelTask: (id: number) => {
        clearTimeout(this.#tasks.get(id));
        this.#tasks.delete(id);
      },
    };
    const host: Record<string, unknown> = {
      app,
      system: { callSystem: (command: string) => this.#callSystem(command, options.environment ?? {}) },
      ...{ File: this.files.File, Folder: this.files.Folder, ImportOptions, ImportAsType, AlphaMode, PulldownPhase, MaskMode, RQItemStatus },
      ...{ Item, AVItem, CompItem, FootageItem, FolderItem, FileSource, SolidSource, Layer, AVLayer, Property, PropertyBase, PropertyGroup },
      ...{ MaskPropertyGroup, Shape, Panel, Window },
    };
    const context = createContext(host);
    host["$"] = { global: context, os: "Macintosh OS 14.5.0/64", getenv: (name: string) => options.environment?.[name] ?? null };
    runInContext(ES3, context);
    return context as Record<string, unknown>;
  }

  #schedule(script: string, delay: number): number {
    const id = this.#tasks.size + 1;
    const run = (): void => {
      try {
        this.evaluate(script);
      } catch (fault) {
        this.#faults.push(fault);
      }
    };
    this.#tasks.set(id, setTimeout(run, delay));
    return id;
  }

  /** Blocks, as the real one does, until the shell and whoever holds its output are done. */
  #callSystem(command: string, environment: Readonly<Record<string, string>>): string {
    const begun = performance.now();
    const done = spawnSync("/bin/sh", ["-c", command], { encoding: "utf8", env: { PATH: "/usr/bin:/bin", ...environment } });
    this.blocked.push(performance.now() - begun);
    return done.stdout;
  }
}

/** Renders at once, and blocks while it does. */
export class RenderQueue {
  readonly rendered: string[] = [];
  readonly #items: RenderQueueItem[] = [];
  readonly items = {
    add: (comp: CompItem): RenderQueueItem => {
      const item = new RenderQueueItem(comp, this.templates, (gone) => this.#items.splice(this.#items.indexOf(gone), 1));
      this.#items.push(item);
      return item;
    },
  };

  constructor(private readonly templates: readonly string[]) {}

  get numItems(): number {
    return this.#items.length;
  }

  item(index: number): RenderQueueItem {
    const found = this.#items[index - 1];
    if (found === undefined) {
      throw new Error(`After Effects error: Value ${index} out of range.`);
    }
    return found;
  }

  render(): void {
    for (const item of this.#items) {
      if (!item.render) {
        continue;
      }
      const path = item.outputModule(1).file?.fsName.replace("[#####]", "00000");
      if (path === undefined) {
        throw new Error("After Effects error: the output module has no file.");
      }
      if (!existsSync(dirname(path)) || readdirSync(dirname(path)).includes(basename(path))) {
        throw new Error("After Effects error: the file cannot be written.");
      }
      writeFileSync(path, pngBytes(item.comp.picture(item.timeSpanStart)));
      this.rendered.push(item.comp.name);
      item.status = RQItemStatus.DONE;
      item.render = false;
    }
  }
}

class RenderQueueItem {
  render = true;
  status: number = RQItemStatus.QUEUED;
  timeSpanStart = 0;
  timeSpanDuration: number;
  readonly #module: { templates: readonly string[]; file: ScriptFile | null; applyTemplate(name: string): void };

  constructor(
    readonly comp: CompItem,
    templates: readonly string[],
    private readonly gone: (item: RenderQueueItem) => void,
  ) {
    this.timeSpanDuration = comp.duration;
    this.#module = {
      templates,
      file: null,
      applyTemplate: (name) => {
        if (!templates.includes(name)) {
          throw new Error(`After Effects error: there is no template “${name}”.`);
        }
      },
    };
  }

  outputModule(_index: number) {
    return this.#module;
  }

  remove(): void {
    this.gone(this);
  }
}

/** Reads real videos with a Python that has PyAV: what After Effects knows of a file after its import. */
export function probeWith(python: string): (path: string) => Media | null {
  return (path) => {
    const script = `
import av, json, sys
with av.open(sys.argv[1]) as clip:
    video = clip.streams.video[0]
    frames = video.frames or sum(1 for _ in clip.decode(video))
    print(json.dumps({"width": video.width, "height": video.height, "frames": frames,
                      "frameRate": float(video.average_rate), "hasAlpha": "yuva" in video.pix_fmt or "rgba" in video.pix_fmt}))`;
    try {
      const found = JSON.parse(execFileSync(python, ["-c", script, path], { encoding: "utf8" })) as Omit<Media, "still" | "picture">;
      return { ...found, still: false, picture: () => ({ width: found.width, height: found.height, rgba: new Uint8Array(found.width * found.height * 4).fill(128) }) };
    } catch {
      return null;
    }
  };
}
