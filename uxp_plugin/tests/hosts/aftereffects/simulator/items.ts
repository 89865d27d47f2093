/** Items of simulated projects: compositions, footage, folders; what a composition renders, and when. */

import { closeSync, openSync, writeSync } from "node:fs";
import { blank, coarser, filled, pngBytes } from "./pictures.ts";
import type { Raster } from "./pictures.ts";
import { AVLayer } from "./layers.ts";
import type { Layer } from "./layers.ts";
import { noted } from "./properties.ts";
import type { Undo } from "./properties.ts";
import type { ScriptFile } from "./files.ts";

/** What a file holds, as After Effects finds when it reads it. */
export interface Media {
  readonly width: number;
  readonly height: number;
  readonly still: boolean;
  readonly hasAlpha: boolean;
  readonly frameRate: number;
  readonly frames: number;
  picture(frame: number): Raster;
}

export interface Studio {
  readonly undo: Undo;
  readonly items: Item[];
  readonly root: FolderItem | null;
  /** How long until a frame that was asked for begins to be written, and between its pieces. */
  readonly delay: number;
  nextId(): number;
}

export class Item {
  readonly id: number;
  name: string;
  comment = "";
  parentFolder: FolderItem | null;

  constructor(
    protected readonly studio: Studio,
    name: string,
  ) {
    this.id = studio.nextId();
    this.name = name;
    this.parentFolder = studio.root;
    noted(this, studio.undo, "name", "comment", "parentFolder");
  }

  remove(): void {
    const { items, undo } = this.studio;
    const place = items.indexOf(this);
    if (place < 0) {
      throw new Error("After Effects error: Object is invalid.");
    }
    items.splice(place, 1);
    undo.change("remove", () => items.splice(place, 0, this));
  }

  get there(): boolean {
    return this.studio.items.includes(this);
  }
}

export class FolderItem extends Item {}

export abstract class AVItem extends Item {
  abstract readonly width: number;
  abstract readonly height: number;
  abstract readonly duration: number;
  abstract readonly frameRate: number;
  readonly pixelAspect: number = 1;
  readonly hasVideo: boolean = true;
  readonly useProxy: boolean = false;
  readonly footageMissing: boolean = false;

  get isStill(): boolean {
    return false;
  }

  abstract picture(time: number): Raster;
}

class FootageSource {
  loop = 1;
  removePulldown = PulldownPhase.OFF as number;
  conformFrameRate = 0;
  #alphaMode = AlphaMode.PREMULTIPLIED as number;

  constructor(
    readonly isStill: boolean,
    readonly hasAlpha: boolean,
    readonly nativeFrameRate: number,
  ) {}

  get alphaMode(): number {
    return this.#alphaMode;
  }

  set alphaMode(mode: number) {
    if (!this.hasAlpha) {
      throw new Error("After Effects error: can not set “alphaMode”: the source has no alpha.");
    }
    this.#alphaMode = mode;
  }
}

export class FileSource extends FootageSource {
  constructor(
    readonly file: ScriptFile,
    readonly media: Media,
  ) {
    super(media.still, media.hasAlpha, media.still ? 0 : media.frameRate);
  }
}

export class SolidSource extends FootageSource {
  constructor(readonly color: readonly number[]) {
    super(true, false, 0);
  }
}

export class FootageItem extends AVItem {
  override useProxy = false;
  override footageMissing = false;

  constructor(
    studio: Studio,
    name: string,
    readonly mainSource: FootageSource,
    readonly width: number,
    readonly height: number,
  ) {
    super(studio, name);
    noted(mainSource, studio.undo, "loop", "removePulldown", "conformFrameRate");
  }

  get file(): ScriptFile | null {
    return this.mainSource instanceof FileSource ? this.mainSource.file : null;
  }

  override get isStill(): boolean {
    return this.mainSource.isStill;
  }

  get frameRate(): number {
    return this.mainSource.conformFrameRate || this.mainSource.nativeFrameRate;
  }

  get duration(): number {
    return this.mainSource instanceof FileSource && !this.isStill ? (this.mainSource.media.frames / this.frameRate) * this.mainSource.loop : 0;
  }

  picture(time: number): Raster {
    if (this.mainSource instanceof FileSource) {
      return this.mainSource.media.picture(this.isStill ? 0 : Math.floor(time * this.frameRate + 1e-6));
    }
    return filled(this.width, this.height, this.mainSource instanceof SolidSource ? this.mainSource.color : [0, 0, 0]);
  }
}

export class CompItem extends AVItem {
  /** Topmost first. */
  readonly stack: Layer[] = [];
  readonly selectedLayers: Layer[] = [];
  readonly layers: LayerCollection;
  resolutionFactor: readonly [number, number] = [1, 1];
  preserveNestedFrameRate = false;
  frameBlending = false;
  time = 0;

  constructor(
    studio: Studio,
    name: string,
    readonly width: number,
    readonly height: number,
    override readonly pixelAspect: number,
    readonly duration: number,
    readonly frameRate: number,
  ) {
    super(studio, name);
    this.layers = new LayerCollection(studio, this);
    noted(this, studio.undo, "resolutionFactor", "preserveNestedFrameRate", "frameBlending");
  }

  get frameDuration(): number {
    return 1 / this.frameRate;
  }

  get numLayers(): number {
    return this.stack.length;
  }

  layer(index: number): Layer {
    const found = this.stack[index - 1];
    if (found === undefined) {
      throw new Error(`After Effects error: Value ${index} out of range 1 to ${this.stack.length}.`);
    }
    return found;
  }

  put(layer: Layer): void {
    this.stack.unshift(layer);
    this.studio.undo.change("add layer", () => this.stack.splice(this.stack.indexOf(layer), 1));
  }

  duplicate(): CompItem {
    const { studio, name, width, height, pixelAspect, duration, frameRate } = this;
    const copy = new CompItem(studio, `${name} 2`, width, height, pixelAspect, duration, frameRate);
    studio.items.push(copy);
    studio.undo.change("duplicate", () => studio.items.splice(studio.items.indexOf(copy), 1));
    copy.resolutionFactor = this.resolutionFactor;
    copy.time = this.time;
    copy.stack.push(...this.stack.filter((layer) => layer instanceof AVLayer).map((layer) => layer.copyFor(copy)));
    for (const [index, layer] of this.stack.entries()) {
      const twin = copy.stack[index];
      if (twin !== undefined && layer.parent !== null) {
        twin.parent = copy.stack[layer.parent.index - 1] ?? null;
      }
    }
    return copy;
  }

  picture(time: number): Raster {
    const canvas = blank(this.width, this.height);
    for (const layer of [...this.stack].reverse()) {
      if (layer instanceof AVLayer && layer.hasVideo && layer.activeAtTime(time)) {
        layer.drawOn(canvas, time);
      }
    }
    return canvas;
  }

  /** Undocumented: returns at once; the frame is rendered later, as the composition is then, and written in pieces. */
  saveFrameToPng(time: number, file: ScriptFile): void {
    setTimeout(() => {
      if (!this.there) {
        return;
      }
      const bytes = pngBytes(coarser(this.picture(time), this.resolutionFactor));
      const descriptor = openSync(file.fsName, "w");
      const third = Math.ceil(bytes.length / 3);
      const write = (from: number): void => {
        writeSync(descriptor, bytes.subarray(from, from + third));
        if (from + third < bytes.length) {
          setTimeout(() => write(from + third), this.studio.delay);
        } else {
          closeSync(descriptor);
        }
      };
      write(0);
    }, this.studio.delay);
  }
}

export class LayerCollection {
  constructor(
    private readonly studio: Studio,
    private readonly comp: CompItem,
  ) {}

  add(item: AVItem): AVLayer {
    if (item === this.comp || !item.there) {
      throw new Error("After Effects error: Object is invalid.");
    }
    const layer = new AVLayer(this.studio.undo, this.comp, item);
    this.comp.put(layer);
    return layer;
  }

  addSolid(colour: readonly number[], name: string, width: number, height: number, _pixelAspect: number, _duration?: number): AVLayer {
    const { studio } = this;
    const solid = new FootageItem(studio, name, new SolidSource(Array.from(colour)), width, height);
    studio.items.push(solid);
    studio.undo.change("solid", () => studio.items.splice(studio.items.indexOf(solid), 1));
    return this.add(solid);
  }
}

export const PulldownPhase = { OFF: 1, WSSWW: 2 } as const;
export const AlphaMode = { IGNORE: 5412, STRAIGHT: 5413, PREMULTIPLIED: 5414 } as const;
