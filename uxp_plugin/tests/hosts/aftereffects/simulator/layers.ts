/** Layers of simulated compositions, and how they look. */

import { inside, over } from "./pictures.ts";
import type { Point, Raster } from "./pictures.ts";
import { MaskMode, MaskPropertyGroup, noted, Property, PropertyGroup } from "./properties.ts";
import type { Undo } from "./properties.ts";
import type { AVItem, CompItem } from "./items.ts";

const TRANSFORM = ["ADBE Anchor Point", "ADBE Position", "ADBE Scale", "ADBE Rotate Z", "ADBE Opacity"] as const;

let lastId = 1000;

export class Layer extends PropertyGroup {
  readonly id = ++lastId;
  comment = "";
  override enabled = true;
  locked = false;
  stretch = 100;
  parent: Layer | null = null;
  #comp: CompItem;
  #start = 0;
  #in = 0;
  #out: number;

  constructor(undo: Undo, comp: CompItem, name: string, duration: number, children: readonly PropertyGroup[] = []) {
    super(undo, "ADBE Layer", name, children);
    this.#comp = comp;
    this.#out = duration;
    this.name = name;
    noted(this, undo, "name", "comment", "enabled", "locked", "stretch", "parent");
  }

  get containingComp(): CompItem {
    return this.#comp;
  }

  get index(): number {
    return this.#comp.stack.indexOf(this) + 1;
  }

  get hasVideo(): boolean {
    return false;
  }

  get startTime(): number {
    return this.#start;
  }

  set startTime(seconds: number) {
    const before = [this.#start, this.#in, this.#out] as const;
    this.undo.change("startTime", () => ([this.#start, this.#in, this.#out] = before));
    this.#in += seconds - this.#start;
    this.#out += seconds - this.#start;
    this.#start = seconds;
  }

  get inPoint(): number {
    return this.#in;
  }

  set inPoint(seconds: number) {
    const before = this.#in;
    this.undo.change("inPoint", () => (this.#in = before));
    this.#in = seconds;
  }

  get outPoint(): number {
    return this.#out;
  }

  set outPoint(seconds: number) {
    const before = this.#out;
    this.undo.change("outPoint", () => (this.#out = before));
    this.#out = seconds;
  }

  activeAtTime(time: number): boolean {
    return this.enabled && time >= this.#in && time < this.#out;
  }

  setParentWithJump(parent: Layer): void {
    this.parent = parent;
  }

  moveBefore(other: Layer): void {
    const { stack } = this.#comp;
    const before = [...stack];
    this.undo.change("moveBefore", () => stack.splice(0, stack.length, ...before));
    stack.splice(stack.indexOf(this), 1);
    stack.splice(stack.indexOf(other), 0, this);
  }

  protected times(from: Layer): void {
    [this.#start, this.#in, this.#out] = [from.#start, from.#in, from.#out];
  }
}

export class AVLayer extends Layer {
  readonly source: AVItem;
  threeDLayer = false;
  guideLayer = false;
  adjustmentLayer = false;
  timeRemapEnabled = false;
  frameBlending = false;

  constructor(undo: Undo, comp: CompItem, source: AVItem) {
    const middle = [source.width / 2, source.height / 2];
    const values = [middle, [comp.width / 2, comp.height / 2], [100, 100], 0, 100];
    super(undo, comp, source.name, source.isStill ? comp.duration : source.duration, [
      new PropertyGroup(undo, "ADBE Mask Parade", "Masks"),
      new PropertyGroup(undo, "ADBE Effect Parade", "Effects"),
      new PropertyGroup(undo, "ADBE Transform Group", "Transform", TRANSFORM.map((name, at) => new Property(undo, name, values[at] ?? 0))),
    ]);
    this.source = source;
    noted(this, undo, "threeDLayer", "guideLayer", "adjustmentLayer", "timeRemapEnabled", "frameBlending");
  }

  override get hasVideo(): boolean {
    return this.source.hasVideo;
  }

  copyToComp(comp: CompItem): void {
    comp.put(this.copyFor(comp));
  }

  copyFor(comp: CompItem): AVLayer {
    const copy = new AVLayer(this.undo, comp, this.source);
    const { name, comment, enabled, locked, stretch, threeDLayer, guideLayer, adjustmentLayer, timeRemapEnabled, frameBlending } = this;
    Object.assign(copy, { name, comment, enabled, locked, stretch, threeDLayer, guideLayer, adjustmentLayer, timeRemapEnabled, frameBlending });
    copy.times(this);
    for (const [index, part] of this.children.entries()) {
      const twin = copy.children[index];
      if (part instanceof PropertyGroup && twin instanceof PropertyGroup) {
        copyGroup(part, twin);
      }
    }
    return copy;
  }

  /** Of the upright 2D layer at the composition's time, through its parents. */
  sourcePointToComp(point: Point): Point {
    const [anchor, position, scale, turn] = TRANSFORM.slice(0, 4).map((name) => this.#transform(name, this.containingComp.time));
    const x = ((point[0] - at(anchor, 0)) * at(scale, 0)) / 100;
    const y = ((point[1] - at(anchor, 1)) * at(scale, 1)) / 100;
    const angle = (Number(turn) * Math.PI) / 180;
    const there: Point = [
      x * Math.cos(angle) - y * Math.sin(angle) + at(position, 0),
      x * Math.sin(angle) + y * Math.cos(angle) + at(position, 1),
    ];
    return this.parent instanceof AVLayer ? this.parent.sourcePointToComp(there) : there;
  }

  drawOn(canvas: Raster, time: number): void {
    const picture = this.source.picture(time - this.startTime);
    const [x0, y0] = this.sourcePointToComp([0, 0]);
    const [x1, y1] = this.sourcePointToComp([1, 0]);
    const [x2, y2] = this.sourcePointToComp([0, 1]);
    const [a, b, c, d] = [x1 - x0, x2 - x0, y1 - y0, y2 - y0];
    const det = a * d - b * c;
    const from = (x: number, y: number): Point => [(d * (x - x0) - b * (y - y0)) / det, (a * (y - y0) - c * (x - x0)) / det];
    const opacity = Number(this.#transform("ADBE Opacity", time)) / 100;
    over(canvas, picture, from, (u, v) => opacity * this.#cut(u, v, time));
  }

  /** What the masks leave of a point of the layer. */
  #cut(u: number, v: number, time: number): number {
    const masks = this.#group("ADBE Mask Parade");
    let share: number | null = null;
    for (let index = 1; index <= masks.numProperties; index++) {
      const mask = masks.property(index);
      if (!(mask instanceof MaskPropertyGroup) || mask.maskMode === MaskMode.NONE) {
        continue;
      }
      const strength = inside(mask.outline(time), u, v) !== mask.inverted ? mask.strength(time) : 0;
      if (mask.maskMode === MaskMode.ADD) {
        share = Math.max(share ?? 0, strength);
      } else if (mask.maskMode === MaskMode.SUBTRACT) {
        share = (share ?? 1) * (1 - strength);
      } else {
        share = (share ?? 1) * strength;
      }
    }
    return share ?? 1;
  }

  #group(name: string): PropertyGroup {
    return this.property(name) as PropertyGroup;
  }

  #transform(name: string, time: number): unknown {
    return (this.#group("ADBE Transform Group").property(name) as Property).valueAtTime(time, false);
  }
}

function at(value: unknown, index: number): number {
  return Array.isArray(value) ? Number(value[index]) : Number(value);
}

function copyGroup(from: PropertyGroup, to: PropertyGroup): void {
  for (let index = 1; index <= from.numProperties; index++) {
    const part = from.property(index);
    if (part instanceof MaskPropertyGroup) {
      (to.addProperty("ADBE Mask Atom") as MaskPropertyGroup).take(part);
    } else if (part instanceof Property) {
      (to.property(part.matchName) as Property).take(part);
    } else if (part instanceof PropertyGroup) {
      to.apply(part.matchName, part.name).enabled = part.enabled;
    }
  }
}
