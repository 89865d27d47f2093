/** A simulated Photoshop with a document as an artist has it, and the host in it. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PNG } from "pngjs";
import { loadModules, type Require } from "../../../src/hosts/photoshop/modules.ts";
import { photoshopHost, type PhotoshopHost } from "../../../src/hosts/photoshop/photoshop.ts";
import { Simulator, type Options } from "./simulator/photoshop.ts";
import { temporaryFolder } from "./simulator/temporary.ts";
import type { SimDocument } from "./simulator/documents.ts";
import type { Raster } from "./simulator/raster.ts";
import type { Manifest } from "./simulator/uxp.ts";
import type { Picture } from "../../../src/hosts/host.ts";

export const DEMO = new URL("../../../../bridge_server/demo/", import.meta.url);

const FIXED = JSON.parse(
  readFileSync(new URL("../../../src/hosts/photoshop/manifest.json", import.meta.url), "utf8"),
) as Manifest;

export function permissions(change: Partial<Manifest["requiredPermissions"]> = {}): Manifest {
  return { ...FIXED, version: "0.0.0", requiredPermissions: { ...FIXED.requiredPermissions, ...change } };
}

export class Kept implements Storage {
  private readonly items = new Map<string, string>();

  get length(): number {
    return this.items.size;
  }
  clear(): void {
    this.items.clear();
  }
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

export interface Studio {
  readonly simulator: Simulator;
  readonly host: PhotoshopHost;
  readonly folder: string;
  readonly local: Kept;
}

export function studio(options: Options = {}, manifest: Manifest = permissions(), local = new Kept()): Studio {
  const simulator = new Simulator(manifest, options);
  const modules: Record<string, unknown> = simulator.modules();
  const load = ((name: string) => modules[name]) as Require;
  return { simulator, host: photoshopHost(loadModules(load), local), folder: temporaryFolder(), local };
}

/** A copy of a bundled clip, which is the only movie that the simulated Photoshop can measure. */
export function clip(folder: string, name = "box.mp4"): string {
  const path = join(folder, name);
  writeFileSync(path, readFileSync(new URL("box.mp4", DEMO)));
  return path;
}

/** A picture of one value per component. */
export function plain(
  width: number,
  height: number,
  pixel: readonly number[],
  depth: 8 | 16 | 32 = 8,
  left = 0,
  top = 0,
): Raster {
  const count = width * height * pixel.length;
  const data = depth === 8 ? new Uint8Array(count) : depth === 16 ? new Uint16Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = pixel[i % pixel.length] ?? 0;
  return { left, top, width, height, components: pixel.length as 1 | 2 | 3 | 4, data };
}

/** A clip as linked smart object (layer 1) with a painted layer (2) above, which is selected. */
export function painted(simulator: Simulator, path: string, more: Partial<SimDocument> = {}): SimDocument {
  return simulator.add({
    width: 16,
    height: 12,
    title: "shot.psd",
    path: "/shots/shot.psd",
    composite: plain(16, 12, [10, 20, 30]),
    layers: [
      {
        id: 2,
        name: "Label",
        visible: true,
        kind: "pixel",
        pixels: plain(4, 3, [200, 0, 0, 255], 8, 5, 6),
        mask: plain(4, 3, [255], 8, 5, 6),
      },
      { id: 1, name: "box", visible: true, kind: "smartObject", link: path, clip: { start: 0, end: 40, content: 40 } },
    ],
    active: [2],
    timeline: { rate: 30, frames: 40, frame: 20 },
    ...more,
  });
}

export async function bytesOf(picture: Picture): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const band of picture.bands()) parts.push(band);
  return Buffer.concat(parts);
}

/** A PNG as the raster that Photoshop would hold. */
export function rasterOf(file: URL, components: 1 | 3): Raster {
  const { width, height, data } = PNG.sync.read(readFileSync(file));
  const raster = new Uint8Array(width * height * components);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < components; c++) raster[i * components + c] = data[i * 4 + c] ?? 0;
  }
  return { left: 0, top: 0, width, height, components, data: raster };
}
