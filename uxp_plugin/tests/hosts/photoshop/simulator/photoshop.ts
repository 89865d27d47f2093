/**
 * A simulated Photoshop: the modules `photoshop`, `uxp`, `fs` and `os` as documents and reports describe them. It
 * refuses what they say Photoshop refuses. It is no evidence for what they do not say.
 */

import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import type * as published from "photoshop";
import { PNG } from "pngjs";
import type { Descriptor } from "../../../../src/hosts/photoshop/modules.ts";
import type { Fs, Os, Uxp } from "../../../../src/hosts/photoshop/uxp.ts";
import { changesState, Failed, perform, type Command } from "./actions.ts";
import { flat, layerOf, type DocumentParts, type SimDocument, type SimLayer } from "./documents.ts";
import { Ledger, simulatedImaging, type ImagingModule, type Realm } from "./imaging.ts";
import { movie } from "./movies.ts";
import { Files, type Manifest } from "./uxp.ts";

export interface Options {
  readonly version?: string;
  readonly platform?: string;
  readonly home?: string;
  readonly emptyRegions?: "empty" | "error";
}

type Heard = (event: string, descriptor: Descriptor) => void;
type ModalWork = Parameters<typeof published.core.executeAsModal>[0];
type Context = Parameters<ModalWork>[0];

/** A layer and a document as the plugin sees them: live, and closed to changes outside of a modal scope. */
export class Simulator {
  readonly documents: SimDocument[] = [];
  readonly ledger = new Ledger();
  readonly alerts: string[] = [];
  /** What was played, and the modal scopes by their names. */
  readonly played: Command[] = [];
  readonly scopes: string[] = [];
  /** Files that became layers or documents. */
  readonly imported: string[] = [];
  /** Commands that this Photoshop refuses, and one in which the person presses Escape. */
  readonly refused = new Set<string>();
  cancelAt: string | null = null;
  /** How many requests for a modal scope are still turned down, because something else is modal. */
  busy = 0;
  imagingFails = false;
  takesMovies = true;
  depth = 0;
  readonly files: Files;
  realm: Realm = globalThis;

  private front = 0;
  private nextDocument = 100;
  private nextHistory = 1000;
  private readonly suspended = new Map<
    number,
    { name: string; layers: SimLayer[]; active: number[]; changed: boolean }
  >();
  private readonly listeners: { events: readonly string[]; heard: Heard }[] = [];

  constructor(
    readonly manifest: Manifest,
    readonly options: Options = {},
  ) {
    this.files = new Files(manifest, () => this.realm);
  }

  /** A document that is already open. */
  add(parts: DocumentParts): SimDocument {
    const document: SimDocument = {
      id: this.nextDocument++,
      title: "Untitled-1",
      path: "Untitled-1",
      mode: "RGBColorMode",
      profile: "sRGB IEC61966-2.1",
      composite: null,
      layers: [],
      active: [],
      selection: null,
      timeline: null,
      ...parts,
      history: [{ id: this.nextHistory++, name: "Open" }],
    };
    this.documents.push(document);
    this.front = document.id;
    this.tell("open");
    return document;
  }

  close(document: SimDocument): void {
    this.documents.splice(this.documents.indexOf(document), 1);
    this.front = this.documents[0]?.id ?? 0;
    this.tell("close");
  }

  /** The person does something by hand. */
  byHand(event: string, change: (document: SimDocument) => void): void {
    const document = this.active();
    change(document);
    document.history.push({ id: this.nextHistory++, name: event });
    this.tell(event);
  }

  active(): SimDocument {
    return this.document(this.front);
  }

  document(id: number | undefined): SimDocument {
    const found = this.documents.find((one) => one.id === (id ?? this.front));
    if (found === undefined) throw new Error("The requested document does not exist.");
    return found;
  }

  /** The modules by name, as `require` in a plugin gives them. */
  modules(): { photoshop: unknown; uxp: Uxp; fs: Fs; os: Os } {
    return {
      photoshop: { app: this.app(), action: this.action(), core: this.core(), imaging: this.imaging() },
      uxp: this.files.uxp(this.options.version ?? "26.1.0"),
      fs: this.files.fs(),
      os: { platform: () => this.options.platform ?? "darwin", homedir: () => this.options.home ?? "/nowhere" },
    };
  }

  private imaging(): ImagingModule {
    return simulatedImaging(
      {
        document: (id) => this.document(id),
        realm: () => this.realm,
        beforePixels: () => {
          if (this.imagingFails) throw new Error("Photoshop Error. Code: -1");
        },
        emptyRegions: this.options.emptyRegions ?? "empty",
      },
      this.ledger,
    );
  }

  private app(): object {
    const simulator = this;
    return {
      get documents() {
        return simulator.documents.map((document) => simulator.dom(document));
      },
      get activeDocument() {
        return simulator.dom(simulator.active());
      },
      async open(entry: { readonly nativePath: string }) {
        simulator.mustBeModal("open");
        simulator.mayFail("open");
        const found = simulator.takesMovies ? movie(entry.nativePath) : null;
        if (found === null) throw new Error("Could not open the file because it is not the right kind of document.");
        simulator.imported.push(entry.nativePath);
        const title = basename(entry.nativePath);
        const opened = simulator.add({
          width: found.width,
          height: found.height,
          title,
          path: entry.nativePath,
          layers: [{ id: 1, name: "Layer 1", visible: true, kind: "video", video: {} }],
          active: [1],
          timeline: { rate: found.rate, frames: found.frames, frame: 0 },
        });
        return simulator.dom(opened);
      },
      async showAlert(message: string) {
        simulator.alerts.push(message);
      },
    };
  }

  private action(): object {
    return {
      batchPlay: async (commands: Command[], options: { continueOnError?: boolean } = {}): Promise<Command[]> => {
        const results: Command[] = [];
        for (const command of commands) {
          if (changesState(command)) this.mustBeModal(command._obj);
          const result = this.play(command);
          results.push(result);
          if (result._obj === "error" && options.continueOnError !== true) break;
        }
        return results;
      },
      addNotificationListener: async (events: string[], heard: Heard) => {
        if (events.includes("all")) throw new Error("All events are for developer mode only.");
        this.listeners.push({ events, heard });
      },
      removeNotificationListener: async (events: string[], heard: Heard) => {
        const index = this.listeners.findIndex((one) => one.heard === heard && one.events === events);
        if (index >= 0) this.listeners.splice(index, 1);
      },
    };
  }

  private play(command: Command): Command {
    if (changesState(command)) this.played.push(command);
    if (command._obj === this.cancelAt) {
      this.cancelled = true;
      return { _obj: "error", message: "The user cancelled the operation.", result: -128 };
    }
    try {
      this.mayFail(command._obj);
      const result = perform(command, {
        active: () => this.active(),
        document: (id) => this.document(id),
        activate: (id) => {
          this.front = this.document(id).id;
        },
        pathOf: (token) => this.files.pathOf(token),
        framesOf: (path) => (this.takesMovies ? (movie(path)?.frames ?? null) : null),
        placed: (path) => this.imported.push(path),
      });
      if (changesState(command)) this.changed(this.active(), command._obj);
      return result;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { _obj: "error", message: error.message, result: error instanceof Failed ? error.result : -1 };
    }
  }

  private cancelled = false;

  private core(): object {
    return {
      executeAsModal: async (work: ModalWork, { commandName }: { commandName?: string }): Promise<unknown> => {
        if (commandName === undefined || commandName === "") throw new Error("A command name is required.");
        if (this.busy > 0) {
          this.busy -= 1;
          throw Object.assign(new Error("Plugin: com.example.other is running a modal command"), { number: 9 });
        }
        this.depth += 1;
        this.scopes.push(commandName);
        this.cancelled = false;
        try {
          const result = await work(this.context());
          this.endScope(true);
          return result;
        } catch (error) {
          this.endScope(false);
          throw error;
        } finally {
          this.depth -= 1;
        }
      },
    };
  }

  private context(): Context {
    const simulator = this;
    return {
      get isCancelled() {
        return simulator.cancelled;
      },
      onCancel: undefined,
      reportProgress: () => undefined,
      hostControl: {
        async suspendHistory({ documentID, name }) {
          const document = simulator.document(documentID);
          const layers = document.layers.map((layer) => ({ ...layer }));
          simulator.suspended.set(documentID, { name, layers, active: [...document.active], changed: false });
          return { historySuspensionID: documentID };
        },
        async resumeHistory({ historySuspensionID }, commit = true) {
          simulator.resume(historySuspensionID, commit);
        },
        registerAutoCloseDocument: async () => undefined,
        unregisterAutoCloseDocument: async () => undefined,
      },
    };
  }

  private endScope(well: boolean): void {
    for (const id of [...this.suspended.keys()]) this.resume(id, well);
  }

  private resume(id: number, commit: boolean): void {
    const kept = this.suspended.get(id);
    if (kept === undefined) throw new Error("The history is not suspended.");
    this.suspended.delete(id);
    const document = this.document(id);
    if (!commit) [document.layers, document.active] = [kept.layers, kept.active];
    else if (kept.changed) document.history.push({ id: this.nextHistory++, name: kept.name });
  }

  private changed(document: SimDocument, what: string): void {
    const kept = this.suspended.get(document.id);
    if (kept !== undefined) kept.changed = true;
    else if (what !== "select") document.history.push({ id: this.nextHistory++, name: what });
    if (this.depth === 0) this.tell(what);
  }

  /** Notifications are silent during a modal scope. */
  private tell(event: string): void {
    if (this.depth > 0) return;
    for (const { events, heard } of [...this.listeners]) if (events.includes(event)) heard(event, { _obj: event });
  }

  private mustBeModal(what: string): void {
    if (this.depth === 0) {
      throw new Error(
        `Event: ${what} may modify the state of Photoshop. Such events are only allowed from inside a modal scope.`,
      );
    }
    if (this.cancelled) throw new Error("The modal scope was cancelled.");
  }

  private mayFail(what: string): void {
    if (this.refused.has(what)) throw new Failed(`The command "${what}" is not currently available.`);
  }

  private dom(document: SimDocument): object {
    const simulator = this;
    return {
      id: document.id,
      get title() {
        return document.title;
      },
      get path() {
        return document.path;
      },
      width: document.width,
      height: document.height,
      mode: document.mode,
      get bitsPerChannel() {
        return `bitDepth${(document.composite?.data.BYTES_PER_ELEMENT ?? 1) * 8}`;
      },
      get colorProfileName() {
        return document.profile;
      },
      get activeHistoryState() {
        simulator.document(document.id);
        return document.history[document.history.length - 1];
      },
      get layers() {
        return document.layers.map((layer) => simulator.layer(document, layer));
      },
      get activeLayers() {
        return flat(document.layers)
          .filter(({ id }) => document.active.includes(id))
          .map((layer) => simulator.layer(document, layer));
      },
      saveAs: {
        async png(entry: { readonly nativePath: string }, _options: object, asCopy: boolean) {
          simulator.mustBeModal("save");
          if (!asCopy) document.path = entry.nativePath;
          writeFileSync(entry.nativePath, savedPng(document));
        },
      },
    };
  }

  private layer(document: SimDocument, layer: SimLayer): object {
    const simulator = this;
    const { pixels } = layer;
    return {
      id: layer.id,
      kind: layer.kind,
      isBackgroundLayer: layer.isBackground === true,
      get name() {
        return layer.name;
      },
      set name(name: string) {
        simulator.mustBeModal("set");
        (layerOf(document, layer.id) ?? layer).name = name;
        simulator.changed(document, "set");
      },
      get visible() {
        return layer.visible;
      },
      boundsNoEffects: {
        left: pixels?.left ?? 0,
        top: pixels?.top ?? 0,
        right: (pixels?.left ?? 0) + (pixels?.width ?? 0),
        bottom: (pixels?.top ?? 0) + (pixels?.height ?? 0),
      },
      layers: layer.layers?.map((inner) => this.layer(document, inner)) ?? null,
    };
  }
}

/** The composite as RGBA over the whole canvas. */
function savedPng({ width, height, composite }: SimDocument): Buffer {
  const png = new PNG({ width, height });
  for (let i = 0; composite !== null && i < composite.width * composite.height; i++) {
    const x = composite.left + (i % composite.width);
    const y = composite.top + Math.floor(i / composite.width);
    const full = composite.data.BYTES_PER_ELEMENT === 1 ? 255 : composite.data.BYTES_PER_ELEMENT === 2 ? 32768 : 1;
    const sample = (index: number): number =>
      Math.round(((composite.data[i * composite.components + index] ?? 0) / full) * 255);
    const gray = composite.components < 3;
    const alpha = composite.components % 2 === 0 ? sample(composite.components - 1) : 255;
    png.data.set([sample(0), sample(gray ? 0 : 1), sample(gray ? 0 : 2), alpha], (y * width + x) * 4);
  }
  return PNG.sync.write(png);
}
