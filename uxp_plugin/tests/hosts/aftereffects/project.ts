/** A project in a simulated After Effects, as most tests want it: one composition with one clip. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { script } from "../../../build/aftereffects.mjs";
import { callsThrough } from "../../../src/hosts/aftereffects/calls.ts";
import type { Calls } from "../../../src/hosts/aftereffects/calls.ts";
import { AfterEffects } from "./simulator/application.ts";
import type { Options } from "./simulator/application.ts";
import type { CompItem, FootageItem, Media } from "./simulator/items.ts";
import { AVLayer } from "./simulator/layers.ts";
import { filled, pngBytes } from "./simulator/pictures.ts";
import type { Point, Raster } from "./simulator/pictures.ts";
import { MaskPropertyGroup, Property, PropertyGroup, Shape } from "./simulator/properties.ts";

export const WIDTH = 64;
export const HEIGHT = 48;
export const FPS = 25;
export const FRAMES = 50;

/** A clip whose frame N is a gray of value N / 100. */
export function clip(over: Partial<Media> = {}): Media {
  const media = { width: WIDTH, height: HEIGHT, still: false, hasAlpha: false, frameRate: FPS, frames: FRAMES, ...over };
  return { ...media, picture: over.picture ?? ((frame) => filled(media.width, media.height, [frame / 100, frame / 100, frame / 100])) };
}

export interface Project {
  readonly folder: string;
  readonly ae: AfterEffects;
  readonly comp: CompItem;
  readonly footage: FootageItem;
  readonly layer: AVLayer;
  readonly calls: Calls;
}

/** Files named `*.mov` and `*.mp4` hold clips; those with `layer` in their names have alpha. */
export async function project(t: TestContext, options: Partial<Options> & { media?: Partial<Media> } = {}): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), "videoshop-ae-"));
  const probe = (path: string): Media | null => (/\.(mov|mp4)$/.test(path) ? clip({ hasAlpha: path.includes("layer"), ...options.media }) : null);
  const ae = new AfterEffects({ folder, probe, ...options });
  t.after(() => {
    ae.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const path = join(folder, "shot.mp4");
  writeFileSync(path, "frames");
  const footage = ae.footage(path);
  const comp = ae.composition("Shot", WIDTH, HEIGHT, 10, FPS);
  const layer = comp.layers.add(footage);
  ae.active = comp;
  ae.evaluate(await script("panel"));
  ae.undo.steps.length = 0;
  const calls = callsThrough((source) => new Promise((resolve) => setTimeout(() => resolve(String(ae.evaluate(source))))));
  return { folder, ae, comp, footage, layer, calls };
}

/** Draw a mask as the person does. */
export function draw(layer: AVLayer, outline: readonly Point[], mode: number): MaskPropertyGroup {
  const mask = group(layer, "ADBE Mask Parade").addProperty("ADBE Mask Atom") as MaskPropertyGroup;
  const shape = new Shape();
  shape.vertices = [...outline];
  (mask.property("ADBE Mask Shape") as Property).setValue(shape);
  mask.maskMode = mode;
  return mask;
}

export function group(layer: AVLayer, name: string): PropertyGroup {
  return layer.property(name) as PropertyGroup;
}

export function transform(layer: AVLayer, name: string): Property {
  return group(layer, "ADBE Transform Group").property(name) as Property;
}

export function pictureFile(folder: string, name: string, raster: Raster): string {
  const path = join(folder, name);
  writeFileSync(path, pngBytes(raster));
  return path;
}

export async function until(met: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await met())) {
    if (Date.now() > end) {
      throw new Error(`not within ${seconds} s: ${met.toString()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
