/** The composite at the playhead, band by band through the imaging API; where that fails, as a PNG that Photoshop saves. */

import type { Picture } from "../host.ts";
import { HostError } from "../host.ts";
import { modal } from "./commands.ts";
import { faults, reason } from "./faults.ts";
import type { Bounds, Imaging, Modules, OpenDocument, Photoshop } from "./modules.ts";
import { bands, channelsOf, rows, type Layout, type Piece, type Rectangle } from "./pixels.ts";
import { isWhole, pngHeader } from "../png.ts";
import { curveOf, SRGB, treatment, type Treatment } from "./profiles.ts";
import { readFrame } from "./timeline.ts";

const READING = "Videoshop reads the frame";
const WIDEST_PIXEL = 8;

/** What imaging gives: both of getPixels' and getLayerMask's results. */
type Given = Pick<Awaited<ReturnType<Imaging["getPixels"]>>, "imageData" | "sourceBounds">;

/** Reads a piece in a modal scope of its own; its memory is given back whatever happens. Null: no pixels there. */
export async function piece(photoshop: Photoshop, get: () => Promise<Given>): Promise<Piece | null> {
  return await modal(photoshop, READING, async () => {
    const { imageData, sourceBounds } = await get();
    try {
      const { width, height, components } = imageData;
      if (width === 0 || height === 0) return null;
      const samples = await imageData.getData({ chunky: true, fullRange: false });
      return { samples, components, bounds: placedAt(sourceBounds, width, height) };
    } finally {
      await imageData.dispose();
    }
  });
}

function placedAt({ left, top }: Bounds, width: number, height: number): Rectangle {
  return { left, top, right: left + width, bottom: top + height };
}

/** How a document's frame is asked for. */
interface Export extends Omit<Treatment, "note"> {
  readonly colorSpace: string | null;
  /** What the person should know about it. */
  readonly notes: readonly string[];
}

export function exportOf(document: Pick<OpenDocument, "mode" | "colorProfileName" | "bitsPerChannel">): Export {
  const gray = /gray/i.test(document.mode);
  if (!gray && !/rgb/i.test(document.mode)) {
    const notes = ["The frame is converted to sRGB: the document is neither RGB nor gray."];
    return { convertTo: SRGB, exported: SRGB, colorSpace: "RGB", notes };
  }
  const { note, ...treated } = treatment(document.colorProfileName, gray);
  const notes = note === null ? [] : [note];
  if (document.bitsPerChannel === "bitDepth32") {
    const { name } = curveOf(treated.exported ?? SRGB);
    notes.push(`The document has 32 bits: its linear light is encoded as ${name} in 16 bits, and clipped at white.`);
  }
  return { ...treated, colorSpace: null, notes };
}

/** Says what the frame was read of, to be compared: it must not change between the first band and the last. */
export async function stateOf(photoshop: Photoshop, document: OpenDocument): Promise<string> {
  return `${document.id}/${document.activeHistoryState.id}/${await readFrame(photoshop)}`;
}

/** Throws when imaging does not give the composite. `keepAlpha`: transparency is part of the picture. */
export async function imagedFrame(modules: Modules, document: OpenDocument, keepAlpha: boolean): Promise<Picture> {
  const { photoshop } = modules;
  const { width, height } = document;
  const how = exportOf(document);
  const planned = bands(height, width * WIDEST_PIXEL);
  const read = ({ top, bottom }: { top: number; bottom: number }): Promise<Piece | null> =>
    piece(photoshop, () =>
      photoshop.imaging.getPixels({
        documentID: document.id,
        sourceBounds: { left: 0, top, right: width, bottom },
        ...(how.convertTo === null ? {} : { colorProfile: how.convertTo }),
        ...(how.colorSpace === null ? {} : { colorSpace: how.colorSpace }),
      }),
    );
  const state = await stateOf(photoshop, document);
  let ahead: { index: number; found: Piece } | null = null;
  for (let index = 0; ahead === null; index++) {
    const band = planned[index];
    if (band === undefined) throw new Error("nothing is visible in the document");
    const found = await read(band);
    if (found !== null) ahead = { index, found };
  }
  const layout: Layout = {
    width,
    channels: channelsOf(ahead.found.components, keepAlpha),
    bits: ahead.found.samples.BYTES_PER_ELEMENT === 1 ? 8 : 16,
  };
  const { curve } = curveOf(how.exported ?? SRGB);
  return {
    kind: "raw",
    size: (width * height * layout.channels * layout.bits) / 8,
    width,
    height,
    channels: layout.channels,
    bits: layout.bits,
    profile: how.exported,
    async *bands() {
      for (const [index, band] of planned.entries()) {
        let found: Piece | null = null;
        if (ahead?.index === index) [found, ahead] = [ahead.found, null];
        else found = await unharmed(read(band));
        if ((await stateOf(photoshop, document)) !== state) throw faults.changed();
        yield rows(found, band.top, band.bottom, layout, curve);
      }
    },
  };
}

async function unharmed<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof HostError ? error : faults.unreadable(reason(error));
  }
}

/** Has Photoshop save a copy as PNG, reads it and deletes it. Throws a HostError when the file is not what it should be. */
export async function savedFrame(modules: Modules, document: OpenDocument): Promise<Picture> {
  const { localFileSystem, formats } = modules.uxp.storage;
  const folder = await localFileSystem.getTemporaryFolder();
  const entry = await folder.createFile(`videoshop-frame-${document.id}.png`, { overwrite: true });
  try {
    await modal(modules.photoshop, READING, () => modules.photoshop.savePng(document, entry));
    const content = await entry.read({ format: formats.binary });
    if (typeof content === "string") throw new Error("the saved PNG came back as text");
    return pngPicture(new Uint8Array(content), document);
  } catch (error) {
    throw error instanceof HostError ? error : faults.unreadable(reason(error));
  } finally {
    await entry.delete();
  }
}

function pngPicture(bytes: Uint8Array, document: OpenDocument): Picture {
  const header = isWhole(bytes) ? pngHeader(bytes) : null;
  if (header === null) throw faults.unreadable("the saved PNG is not whole");
  const { width, height, channels, bits } = header;
  if (width !== document.width || height !== document.height) throw faults.size(document.width, document.height);
  return {
    kind: "png",
    size: bytes.length,
    width,
    height,
    channels,
    bits,
    profile: exportOf(document).exported,
    async *bands() {
      yield bytes;
    },
  };
}
