/** Documents of the simulated Photoshop: layers, masks, a selection, a timeline, a history. */

import type { Raster } from "./raster.ts";

export interface SimLayer {
  readonly id: number;
  name: string;
  visible: boolean;
  /** As `constants.LayerKind`. */
  readonly kind: "pixel" | "smartObject" | "video" | "group" | "text" | "curves";
  readonly isBackground?: boolean;
  readonly pixels?: Raster;
  readonly mask?: Raster;
  /** The file of a linked smart object. */
  readonly link?: string;
  /** What a video layer's descriptor says; nobody knows. */
  readonly video?: Readonly<Record<string, unknown>>;
  readonly layers?: readonly SimLayer[];
  /** Where it is on the timeline, and how many frames its file has. */
  clip?: { readonly start: number; readonly end: number; readonly content: number };
}

export interface SimDocument {
  readonly id: number;
  title: string;
  path: string;
  readonly width: number;
  readonly height: number;
  readonly mode: string;
  readonly profile: string;
  /** What getPixels without a layer gives: trimmed to where something is visible. */
  composite: Raster | null;
  layers: SimLayer[];
  active: number[];
  selection: Raster | null;
  timeline: { rate: number; frames: number; frame: number } | null;
  history: { readonly id: number; readonly name: string }[];
}

export type DocumentParts = Partial<Omit<SimDocument, "id" | "history">> & Pick<SimDocument, "width" | "height">;

export function flat(layers: readonly SimLayer[]): SimLayer[] {
  return layers.flatMap((layer) => [layer, ...flat(layer.layers ?? [])]);
}

export function layerOf(document: SimDocument, id: number): SimLayer | undefined {
  return flat(document.layers).find((layer) => layer.id === id);
}

/** A number that no layer has: Photoshop gives those of deleted layers away again. */
export function freeLayerId(document: SimDocument): number {
  const taken = new Set(flat(document.layers).map(({ id }) => id));
  let id = 1;
  while (taken.has(id)) id++;
  return id;
}
