/** A PNG that After Effects wrote, as a picture for the bridge. */

import { HostError } from "../host.ts";
import type { Picture } from "../host.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** By PNG's colour type; a palette is unfolded to 3. */
const CHANNELS: Readonly<Record<number, 1 | 2 | 3 | 4>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };
const BAND = 1024 * 1024;

/** The picture in a PNG file's bytes. Throws a HostError when they are none, or of another size than the clip's. */
export function pictureOf(png: Uint8Array, clip: { readonly width: number; readonly height: number }): Picture {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const channels = png.length < 33 ? undefined : CHANNELS[view.getUint8(25)];
  if (channels === undefined || SIGNATURE.some((byte, index) => png[index] !== byte)) {
    throw new HostError("frame.not_png", "What After Effects wrote is no PNG.", "Try again; the disk may be full.");
  }
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  if (width !== clip.width || height !== clip.height) {
    const sizes = `The frame came out as ${width}×${height} instead of ${clip.width}×${clip.height}.`;
    throw new HostError("frame.size_differs", sizes, "Open the clip in a composition of its own size, and edit there.");
  }
  return {
    kind: "png",
    size: png.length,
    width,
    height,
    channels,
    bits: view.getUint8(24) === 16 ? 16 : 8,
    profile: null,
    async *bands() {
      for (let offset = 0; offset < png.length; offset += BAND) {
        yield png.subarray(offset, offset + BAND);
      }
    },
  };
}

export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) {
    bytes[index] = binary.charCodeAt(index);
  }
  return bytes;
}
