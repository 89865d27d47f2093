/** Pictures of the simulated After Effects: RGBA, 8 bits, straight alpha; read from and written as real PNG files. */

import { readFileSync } from "node:fs";
import { PNG } from "pngjs";

export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

export type Point = readonly [number, number];

export function blank(width: number, height: number): Raster {
  return { width, height, rgba: new Uint8Array(width * height * 4) };
}

export function filled(width: number, height: number, colour: readonly number[]): Raster {
  const raster = blank(width, height);
  for (let at = 0; at < raster.rgba.length; at += 4) {
    for (let channel = 0; channel < 3; channel++) {
      raster.rgba[at + channel] = Math.round((colour[channel] ?? 0) * 255);
    }
    raster.rgba[at + 3] = 255;
  }
  return raster;
}

export function readPng(path: string): Raster {
  const { width, height, data } = PNG.sync.read(readFileSync(path));
  return { width, height, rgba: Uint8Array.from(data) };
}

export function pngBytes(raster: Raster): Buffer {
  const png = new PNG({ width: raster.width, height: raster.height });
  png.data = Buffer.from(raster.rgba);
  return PNG.sync.write(png);
}

/** Every `step`-th pixel of every `step`-th row, as a composition of a lower resolution renders. */
export function coarser(raster: Raster, step: readonly [number, number]): Raster {
  const width = Math.ceil(raster.width / step[0]);
  const height = Math.ceil(raster.height / step[1]);
  const out = blank(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * step[1] * raster.width + x * step[0]) * 4;
      out.rgba.set(raster.rgba.subarray(from, from + 4), (y * width + x) * 4);
    }
  }
  return out;
}

/** Whether a point lies inside a polygon (even-odd). */
export function inside(polygon: readonly Point[], x: number, y: number): boolean {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i] ?? [0, 0];
    const [xj, yj] = polygon[j] ?? [0, 0];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) {
      within = !within;
    }
  }
  return within;
}

/** Lay `top` over `bottom` in place. `from` gives the point of `top` at a point of `bottom`; `share` its opacity there. */
export function over(bottom: Raster, top: Raster, from: (x: number, y: number) => Point, share: (x: number, y: number) => number): void {
  for (let y = 0; y < bottom.height; y++) {
    for (let x = 0; x < bottom.width; x++) {
      const [u, v] = from(x + 0.5, y + 0.5);
      const column = Math.floor(u);
      const row = Math.floor(v);
      if (column < 0 || row < 0 || column >= top.width || row >= top.height) {
        continue;
      }
      const source = (row * top.width + column) * 4;
      const alpha = ((top.rgba[source + 3] ?? 0) / 255) * share(u, v);
      if (alpha <= 0) {
        continue;
      }
      const at = (y * bottom.width + x) * 4;
      const below = ((bottom.rgba[at + 3] ?? 0) / 255) * (1 - alpha);
      for (let channel = 0; channel < 3; channel++) {
        const mixed = (top.rgba[source + channel] ?? 0) * alpha + (bottom.rgba[at + channel] ?? 0) * below;
        bottom.rgba[at + channel] = Math.round(mixed / (alpha + below));
      }
      bottom.rgba[at + 3] = Math.round((alpha + below) * 255);
    }
  }
}
