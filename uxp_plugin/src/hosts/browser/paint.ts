/** A mask painted over a frame: a canvas of the frame's own size, shown as large as the frame is. */

import type { Painted } from "./page_host.ts";

/** Shown half see-through by the style sheet; what counts is the alpha. */
const INK = "#ff2d6f";

export class MaskCanvas implements Painted {
  readonly element = document.createElement("canvas");
  /** Diameter in pixels of the frame. */
  brush = 40;
  erasing = false;
  #last: { readonly x: number; readonly y: number } | null = null;
  #touched = false;

  /** `painted` is called after each stroke. */
  constructor(readonly painted: () => void) {
    this.element.className = "paint";
    this.element.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.element.setPointerCapture(event.pointerId);
      this.#last = this.#at(event);
      this.#stroke(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.#last !== null) {
        this.#stroke(event);
      }
    });
    const end = (): void => {
      if (this.#last !== null) {
        this.#last = null;
        this.painted();
      }
    };
    this.element.addEventListener("pointerup", end);
    this.element.addEventListener("pointercancel", end);
  }

  get width(): number {
    return this.element.width;
  }

  get height(): number {
    return this.element.height;
  }

  /** As large as the clip's frames; what was painted is gone. */
  resize(width: number, height: number): void {
    this.element.width = width;
    this.element.height = height;
    this.#touched = false;
  }

  clear(): void {
    this.element.getContext("2d")?.clearRect(0, 0, this.width, this.height);
    this.#touched = false;
    this.painted();
  }

  gray(): Uint8Array | null {
    const context = this.#touched ? this.element.getContext("2d") : null;
    return context === null ? null : alphaOf(context.getImageData(0, 0, this.width, this.height).data);
  }

  #at(event: PointerEvent): { x: number; y: number } {
    const box = this.element.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.width,
      y: ((event.clientY - box.top) / box.height) * this.height,
    };
  }

  #stroke(event: PointerEvent): void {
    const context = this.element.getContext("2d");
    const from = this.#last;
    if (context === null || from === null) {
      return;
    }
    const to = this.#at(event);
    context.globalCompositeOperation = this.erasing ? "destination-out" : "source-over";
    context.lineCap = "round";
    context.lineWidth = this.brush;
    context.strokeStyle = INK;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    this.#last = to;
    this.#touched = true;
  }
}

/** The alpha of RGBA pixels, or null where all of it is 0. */
export function alphaOf(rgba: Uint8ClampedArray): Uint8Array | null {
  const alpha = new Uint8Array(rgba.length / 4);
  let any = false;
  for (let index = 0; index < alpha.length; index += 1) {
    const value = rgba[4 * index + 3] ?? 0;
    alpha[index] = value;
    any ||= value > 0;
  }
  return any ? alpha : null;
}
