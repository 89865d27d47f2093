/** The only place that reaches into Photoshop: what the panel uses of its modules, and where they come from. */

import type * as published from "photoshop";
import type { imaging as publishedImaging } from "photoshop/dom/ImagingModule";
import type { PNGSaveOptions } from "photoshop/dom/Objects";
import type { FileEntry, Fs, Os, Uxp } from "./uxp.ts";

export type Bounds = publishedImaging.Bounds;
export type ImageData = publishedImaging.PhotoshopImageData;
export type Imaging = Pick<
  typeof publishedImaging,
  "getPixels" | "getLayerMask" | "getSelection" | "createImageDataFromBuffer" | "encodeImageData"
>;
export type ModalContext = Pick<ExecutionContext, "isCancelled" | "reportProgress" | "hostControl">;
type ExecutionContext = Parameters<Parameters<typeof published.core.executeAsModal>[0]>[0];

/** An action descriptor, as batchPlay takes and gives it. */
export interface Descriptor {
  readonly _obj: string;
  readonly [key: string]: unknown;
}

export interface Layer {
  readonly id: number;
  name: string;
  readonly visible: boolean;
  readonly kind: string;
  readonly isBackgroundLayer: boolean;
  readonly boundsNoEffects: Bounds;
  /** Those of a group. */
  readonly layers?: readonly Layer[] | null;
}

/** A document of Photoshop's DOM. `mode` and `kind` are `constants.DocumentMode` and `LayerKind`: strings. */
export interface OpenDocument {
  readonly id: number;
  readonly title: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly mode: string;
  /** "bitDepth8", "bitDepth16", "bitDepth32". */
  readonly bitsPerChannel: string;
  readonly colorProfileName: string;
  readonly activeHistoryState: { readonly id: number };
  readonly activeLayers: readonly Layer[];
  readonly layers: readonly Layer[];
}

export interface Photoshop {
  documents(): readonly OpenDocument[];
  activeDocument(): OpenDocument | null;
  open(entry: FileEntry): Promise<OpenDocument>;
  /** Saves a copy of the document's composite. */
  savePng(document: OpenDocument, entry: FileEntry): Promise<void>;
  alert(message: string): Promise<void>;
  /** Stops at the first that fails, or with `goOn` plays all. Resolves with what failed among the results. */
  batchPlay(commands: readonly Descriptor[], goOn: boolean): Promise<readonly Descriptor[]>;
  listen(events: readonly string[], heard: (event: string) => void): () => void;
  executeAsModal<T>(commandName: string, work: (context: ModalContext) => Promise<T>): Promise<T>;
  readonly imaging: Imaging;
}

export interface Modules {
  readonly photoshop: Photoshop;
  readonly uxp: Uxp;
  readonly fs: Fs;
  readonly os: Os;
}

export interface Require {
  (name: "photoshop"): typeof published;
  (name: "uxp"): Uxp;
  (name: "fs"): Fs;
  (name: "os"): Os;
}

declare const require: Require;

export function loadModules(load: Require = require): Modules {
  const { app, action, core, imaging } = load("photoshop");
  const dom = (document: OpenDocument) => {
    const found = app.documents.find((one) => one.id === document.id);
    if (found === undefined) throw new Error(`The document ${document.title} is not open any more.`);
    return found;
  };
  const photoshop: Photoshop = {
    documents: () => [...app.documents],
    activeDocument: () => (app.documents.length === 0 ? null : app.activeDocument),
    open: (entry) => app.open(asFile(entry)),
    savePng: (document, entry) =>
      dom(document).saveAs.png(asFile(entry), { compression: 6, interlaced: false } as PNGSaveOptions, true),
    alert: (message) => app.showAlert(message),
    batchPlay: (commands, goOn) => action.batchPlay([...commands], { continueOnError: goOn }),
    listen(events, heard) {
      const names = [...events];
      const listener = (event: string) => heard(event);
      void action.addNotificationListener(names, listener);
      return () => void action.removeNotificationListener(names, listener);
    },
    executeAsModal: (commandName, work) => core.executeAsModal(work, { commandName }),
    imaging,
  };
  return { photoshop, uxp: load("uxp"), fs: load("fs"), os: load("os") };
}

/** The published types name a file entry `File`, as if it were the browser's. */
function asFile(entry: FileEntry): File {
  return entry as unknown as File;
}
