/** Properties of layers: values, keyframes, expressions, masks; and the record of changes that Undo takes back. */

import type { Point } from "./pictures.ts";

export class Undo {
  readonly steps: { readonly name: string; readonly back: (() => void)[] }[] = [];
  #open: string[] = [];

  begin(name: string): void {
    if (this.#open.length === 0) {
      this.steps.push({ name, back: [] });
    }
    this.#open.push(name);
  }

  end(): void {
    if (this.#open.pop() === undefined) {
      throw new Error("After Effects warning: Undo group mismatch, will attempt to fix.");
    }
  }

  /** Note how a change is taken back; outside of a group each change is a step of its own. */
  change(what: string, back: () => void): void {
    if (this.#open.length === 0) {
      this.steps.push({ name: what, back: [] });
    }
    this.steps.at(-1)?.back.push(back);
  }

  undo(): void {
    for (const back of this.steps.pop()?.back.reverse() ?? []) {
      back();
    }
  }

  /** At the end of every script. */
  settle(): void {
    if (this.#open.length > 0) {
      const [name] = this.#open;
      this.#open = [];
      throw new Error(`After Effects warning: Undo group mismatch: “${name}” was not ended.`);
    }
  }
}

/** Make a plain member of an object one whose changes are noted. */
export function noted<T extends object>(object: T, undo: Undo, ...names: (keyof T & string)[]): void {
  for (const name of names) {
    let held = object[name];
    Object.defineProperty(object, name, {
      configurable: true,
      enumerable: true,
      get: () => held,
      set: (value: T[typeof name]) => {
        const before = held;
        undo.change(name, () => (held = before));
        held = value;
      },
    });
  }
}

export class Shape {
  vertices: Point[] = [];
  inTangents: Point[] = [];
  outTangents: Point[] = [];
  closed = true;
}

export type Value = number | readonly number[] | Shape;

export class PropertyBase {
  enabled = true;

  constructor(
    protected readonly undo: Undo,
    readonly matchName: string,
    public name: string,
  ) {}
}

export class Property extends PropertyBase {
  expression = "";
  #value: Value;
  #keys: { time: number; value: Value }[] = [];

  constructor(undo: Undo, matchName: string, value: Value) {
    super(undo, matchName, matchName);
    this.#value = value;
    noted(this, undo, "expression");
  }

  get value(): Value {
    return this.#keys[0]?.value ?? this.#value;
  }

  get numKeys(): number {
    return this.#keys.length;
  }

  get expressionEnabled(): boolean {
    return this.expression !== "";
  }

  valueAtTime(time: number, _preExpression: boolean): Value {
    return this.#keys.filter((key) => key.time <= time).at(-1)?.value ?? this.value;
  }

  setValue(value: Value): void {
    if (this.#keys.length > 0) {
      throw new Error("After Effects error: can not “setValue” on a property with keyframes.");
    }
    const before = this.#value;
    this.undo.change(this.matchName, () => (this.#value = before));
    this.#value = value instanceof Shape || typeof value === "number" ? value : Array.from(value);
  }

  setValueAtTime(time: number, value: Value): void {
    const before = this.#keys;
    this.undo.change(this.matchName, () => (this.#keys = before));
    this.#keys = [...before.filter((key) => key.time !== time), { time, value }].sort((a, b) => a.time - b.time);
  }

  removeKey(index: number): void {
    if (index < 1 || index > this.#keys.length) {
      throw new Error(`After Effects error: Value ${index} out of range.`);
    }
    const before = this.#keys;
    this.undo.change(this.matchName, () => (this.#keys = before));
    this.#keys = before.filter((_, at) => at !== index - 1);
  }

  /** For the copies that After Effects makes. */
  take(from: Property): void {
    this.#value = from.#value;
    this.#keys = [...from.#keys];
    if (from.expression !== "") {
      this.expression = from.expression;
    }
  }
}

export class PropertyGroup extends PropertyBase {
  protected readonly children: PropertyBase[] = [];

  constructor(undo: Undo, matchName: string, name: string, children: readonly PropertyBase[] = []) {
    super(undo, matchName, name);
    this.children.push(...children);
  }

  get numProperties(): number {
    return this.children.length;
  }

  /** Null where there is none of that name; an index out of range throws. */
  property(which: string | number): PropertyBase | null {
    if (typeof which === "string") {
      return this.children.find((child) => child.matchName === which || child.name === which) ?? null;
    }
    const found = this.children[which - 1];
    if (found === undefined) {
      throw new Error(`After Effects error: Value ${which} out of range ${1} to ${this.children.length}.`);
    }
    return found;
  }

  addProperty(name: string): PropertyBase {
    if (this.matchName !== "ADBE Mask Parade" || name !== "ADBE Mask Atom") {
      throw new Error(`After Effects error: can not add a property “${name}” to “${this.name}”.`);
    }
    const mask = new MaskPropertyGroup(this.undo, `Mask ${this.children.length + 1}`);
    this.children.push(mask);
    this.undo.change(name, () => this.children.splice(this.children.indexOf(mask), 1));
    return mask;
  }

  /** An effect as the person applies it. */
  apply(matchName: string, name: string): PropertyGroup {
    const effect = new PropertyGroup(this.undo, matchName, name);
    this.children.push(effect);
    return effect;
  }
}

export const MaskMode = { NONE: 6812, ADD: 6813, SUBTRACT: 6814, INTERSECT: 6815 } as const;

export class MaskPropertyGroup extends PropertyGroup {
  maskMode: number = MaskMode.ADD;
  inverted = false;
  rotoBezier = false;

  constructor(undo: Undo, name: string) {
    super(undo, "ADBE Mask Atom", name, [
      new Property(undo, "ADBE Mask Shape", new Shape()),
      new Property(undo, "ADBE Mask Feather", [0, 0]),
      new Property(undo, "ADBE Mask Opacity", 100),
      new Property(undo, "ADBE Mask Offset", 0),
    ]);
    noted(this, undo, "maskMode", "inverted", "rotoBezier");
  }

  /** The outline at a time, as straight lines: the simulator's masks have no curves. */
  outline(time: number): readonly Point[] {
    const shape = (this.property("ADBE Mask Shape") as Property).valueAtTime(time, false);
    return shape instanceof Shape ? shape.vertices : [];
  }

  strength(time: number): number {
    return Number((this.property("ADBE Mask Opacity") as Property).valueAtTime(time, false)) / 100;
  }

  take(from: MaskPropertyGroup): void {
    this.maskMode = from.maskMode;
    this.inverted = from.inverted;
    this.rotoBezier = from.rotoBezier;
    from.children.forEach((child, index) => (this.children[index] as Property).take(child as Property));
  }
}
