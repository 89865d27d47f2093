/** Where the edit is: the layer's mask, else the selection, else the painted layer's own transparency. */

import type { Picture } from "../host.ts";
import { HostError } from "../host.ts";
import { ask, askAll } from "./commands.ts";
import { hasUserMask, MASK_OUTSIDE, selection } from "./descriptors.ts";
import { piece } from "./frame.ts";
import type { Layer, Modules, OpenDocument } from "./modules.ts";
import { alphaOf, bands, rows, varies, type Layout, type Piece } from "./pixels.ts";
import { allLayers } from "./source.ts";

export type Place =
  | { readonly name: "layer mask"; readonly layer: Layer }
  | { readonly name: "selection" }
  | { readonly name: "layer alpha"; readonly layer: Layer };

const PAINTED = ["pixel", "smartObject", "text", "solidColor", "gradientFill", "pattern"];

/** Where a mask may be, the best first. `not` are layers that are no edit: the clip's, earlier results. */
export async function places(modules: Modules, document: OpenDocument, not: ReadonlySet<number>): Promise<Place[]> {
  const all = allLayers(document.layers).filter(({ id }) => !not.has(id));
  const active = all.filter(({ id }) => document.activeLayers.some((one) => one.id === id));
  const answers = await askAll(
    modules.photoshop,
    all.map(({ id }) => hasUserMask(document.id, id)),
  );
  const masked = all.filter((_, index) => answers[index]?.hasUserMask === true);
  const others = masked.filter(({ visible }) => visible);
  const layer =
    masked.find(({ id }) => active.some((one) => one.id === id)) ?? (others.length === 1 ? others[0] : undefined);
  const found: Place[] = layer === undefined ? [] : [{ name: "layer mask", layer }];
  const selected = await ask(modules.photoshop, selection(document.id));
  if (selected?.selection !== undefined) found.push({ name: "selection" });
  const painted = active.length === 1 ? active[0] : undefined;
  if (painted !== undefined && painted.visible && !painted.isBackgroundLayer && PAINTED.includes(painted.kind)) {
    found.push({ name: "layer alpha", layer: painted });
  }
  return found;
}

/** The mask at a place, over the whole canvas; null when it is the same everywhere and so says nothing. */
export async function readMask(modules: Modules, document: OpenDocument, place: Place): Promise<Picture | null> {
  const { width, height } = document;
  const { imaging } = modules.photoshop;
  const documentID = document.id;
  switch (place.name) {
    case "layer mask":
      return picture(
        document,
        await pieceOf(() => imaging.getLayerMask({ documentID, layerID: place.layer.id, kind: "user" })),
        MASK_OUTSIDE,
      );
    case "selection":
      return picture(
        document,
        await pieceOf(() =>
          imaging.getSelection({ documentID, sourceBounds: { left: 0, top: 0, right: width, bottom: height } }),
        ),
        0,
      );
    case "layer alpha":
      return await alphaPicture(modules, document, place.layer);
  }

  async function pieceOf(get: Parameters<typeof piece>[1]): Promise<Piece[]> {
    const found = await piece(modules.photoshop, get);
    return found === null ? [] : [found];
  }
}

/** A layer's alpha, band by band: its pixels are four times as much. */
async function alphaPicture({ photoshop }: Modules, document: OpenDocument, layer: Layer): Promise<Picture | null> {
  const { left, top, right, bottom } = layer.boundsNoEffects;
  const inside = {
    left: Math.max(0, left),
    top: Math.max(0, top),
    right: Math.min(document.width, right),
    bottom: Math.min(document.height, bottom),
  };
  if (inside.left >= inside.right || inside.top >= inside.bottom) return null;
  const pieces: Piece[] = [];
  for (const band of bands(inside.bottom - inside.top, (inside.right - inside.left) * 8)) {
    const sourceBounds = { ...inside, top: inside.top + band.top, bottom: inside.top + band.bottom };
    const found = await piece(photoshop, () =>
      photoshop.imaging.getPixels({ documentID: document.id, layerID: layer.id, sourceBounds }),
    );
    if (found !== null) pieces.push(alphaOf(found));
  }
  return picture(document, pieces, 0);
}

function picture({ width, height }: OpenDocument, pieces: readonly Piece[], outside: number): Picture | null {
  const layout: Layout = {
    width,
    channels: 1,
    bits: pieces.some(({ samples }) => samples.BYTES_PER_ELEMENT > 1) ? 16 : 8,
  };
  const bytes = new Uint8Array((width * height * layout.bits) / 8);
  bytes.fill(outside);
  for (const one of pieces) {
    const [top, bottom] = [Math.max(0, one.bounds.top), Math.min(height, one.bounds.bottom)];
    if (top < bottom)
      bytes.set(
        rows(one, top, bottom, layout, (linear) => linear, outside),
        (top * width * layout.bits) / 8,
      );
  }
  if (!varies(bytes, bytes[0] ?? 0)) return null;
  return {
    kind: "raw",
    size: bytes.length,
    width,
    height,
    channels: 1,
    bits: layout.bits,
    profile: null,
    async *bands() {
      yield bytes;
    },
  };
}

/** The first place whose mask says something. A place that cannot be read is told, and the next one tried. */
export async function firstMask(
  modules: Modules,
  document: OpenDocument,
  candidates: readonly Place[],
): Promise<{ picture: Picture | null; notes: string[] }> {
  const notes: string[] = [];
  for (const place of candidates) {
    try {
      const found = await readMask(modules, document, place);
      if (found !== null) return { picture: found, notes };
      if (place.name !== "layer alpha") notes.push(`The ${place.name} is the same everywhere and is not used.`);
    } catch (error) {
      if (error instanceof HostError) throw error;
      notes.push(`The ${place.name} could not be read and is not used.`);
    }
  }
  return { picture: null, notes };
}
