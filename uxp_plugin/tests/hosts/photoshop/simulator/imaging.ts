/** The imaging module, by Adobe's reference (ps-reference/media/imaging.md) and the traps that users report. */

import type { imaging } from "photoshop/dom/ImagingModule";
import { layerOf, type SimDocument } from "./documents.ts";
import { colored, common, cropped, empty, matted, regionOf, scaled, type Raster, type Region } from "./raster.ts";

export type ImagingModule = Pick<
  typeof imaging,
  "getPixels" | "getLayerMask" | "getSelection" | "createImageDataFromBuffer" | "encodeImageData"
>;
type ImageData = imaging.PhotoshopImageData;

/** The typed arrays of the plugin's own world: those of another would be no instances of its classes. */
export interface Realm {
  readonly Uint8Array: Uint8ArrayConstructor;
  readonly Uint16Array: Uint16ArrayConstructor;
  readonly Float32Array: Float32ArrayConstructor;
  readonly ArrayBuffer: ArrayBufferConstructor;
}

export interface ImagingRules {
  document(id: number | undefined): SimDocument;
  realm(): Realm;
  /** Throws where a test wants getPixels to fail. */
  beforePixels(options: imaging.GetPixelsOptions): void;
  /** What is not said: a region without pixels is an empty picture, or an error. */
  readonly emptyRegions: "empty" | "error";
}

/** How much image data the plugin holds on to, and the most that it ever did, in bytes. */
export class Ledger {
  held = 0;
  most = 0;
  readonly profiles = new Set<string>();

  take(bytes: number): void {
    this.held += bytes;
    this.most = Math.max(this.most, this.held);
  }

  give(bytes: number): void {
    this.held -= bytes;
  }
}

const FORMATS = { 1: "Grayscale", 2: "GrayscaleAlpha", 3: "RGB", 4: "RGBA" } as const;

export function simulatedImaging(rules: ImagingRules, ledger: Ledger): ImagingModule {
  /** Data that JavaScript can take out until it is disposed of. */
  function imageData(raster: Raster, colorProfile: string): ImageData {
    const bytes = raster.data.byteLength;
    let disposed = false;
    ledger.take(bytes);
    const componentSize = (raster.data.BYTES_PER_ELEMENT * 8) as 8 | 16 | 32;
    return {
      width: raster.width,
      height: raster.height,
      components: raster.components,
      componentSize,
      colorSpace: raster.components < 3 ? "Grayscale" : "RGB",
      colorProfile: componentSize === 32 ? `${colorProfile} (Linear RGB Profile)` : colorProfile,
      hasAlpha: raster.components % 2 === 0,
      pixelFormat: FORMATS[raster.components],
      chunky: true,
      type: "image/uncompressed",
      async getData({ chunky = true, fullRange = false } = {}) {
        if (disposed) throw new Error("The image data was disposed of.");
        if (!chunky) throw new Error("Planar data is not simulated.");
        const { Uint8Array, Uint16Array, Float32Array } = rules.realm();
        if (componentSize === 8) return new Uint8Array(raster.data);
        if (componentSize === 32) return new Float32Array(raster.data);
        return Uint16Array.from(raster.data, (sample) => (fullRange ? Math.round((sample * 65535) / 32768) : sample));
      },
      async dispose() {
        if (!disposed) ledger.give(bytes);
        disposed = true;
      },
    };
  }

  function trimmed(raster: Raster | null, asked: Region | undefined): Raster {
    const region =
      raster === null
        ? { left: 0, top: 0, right: 0, bottom: 0 }
        : asked === undefined
          ? regionOf(raster)
          : common(asked, regionOf(raster));
    if (raster !== null && !empty(region)) return cropped(raster, region);
    if (rules.emptyRegions === "error") throw new Error("The requested region has no pixels.");
    return { left: 0, top: 0, width: 0, height: 0, components: raster?.components ?? 4, data: new Uint8Array(0) };
  }

  function bounded(raster: Raster): { sourceBounds: Region } {
    return { sourceBounds: regionOf(raster) };
  }

  return {
    async getPixels(options) {
      rules.beforePixels(options);
      const document = rules.document(options.documentID);
      const source =
        options.layerID === undefined ? document.composite : (layerOf(document, options.layerID)?.pixels ?? null);
      if (options.layerID !== undefined && source === null) throw new Error("There is no such pixel layer.");
      const depth = (source?.data.BYTES_PER_ELEMENT ?? 1) * 8;
      if (options.componentSize !== undefined && options.componentSize > 0 && options.componentSize !== depth) {
        throw new Error("Error Code -1"); // sd-ppp: componentSize 8 of a 16-bit document above Photoshop 25.5
      }
      const asked = options.sourceBounds;
      if (options.layerID === undefined && asked !== undefined) {
        const { left, top, right, bottom } = asked;
        if (
          left < 0 ||
          top < 0 ||
          right > document.width ||
          bottom > document.height ||
          left >= right ||
          top >= bottom
        ) {
          throw new Error("The source bounds are outside of the document.");
        }
      }
      if (options.colorProfile?.includes("(Linear")) throw new Error("Unknown colour profile.");
      let raster = trimmed(source, asked);
      const bounds = bounded(raster);
      const { height, width } = options.targetSize ?? {};
      if (height !== undefined && raster.height > 0) {
        raster = scaled(raster, width ?? Math.max(1, Math.round((raster.width * height) / raster.height)), height);
      }
      if (options.applyAlpha === true) raster = matted(raster);
      if (options.colorSpace === "RGB") raster = colored(raster);
      const profile = options.colorProfile ?? document.profile;
      ledger.profiles.add(profile);
      return { imageData: imageData(raster, profile), ...bounds, level: 0 };
    },
    async getLayerMask({ documentID, layerID, sourceBounds }) {
      const mask = layerOf(rules.document(documentID), layerID)?.mask;
      if (mask === undefined) throw new Error("The layer has no mask.");
      const raster = trimmed(mask, sourceBounds);
      return { imageData: imageData(raster, "Gray Gamma 2.2"), ...bounded(raster) };
    },
    async getSelection({ documentID, sourceBounds }) {
      const { selection } = rules.document(documentID);
      if (selection === null) throw new Error("There is no selection.");
      const raster = trimmed(selection, sourceBounds);
      return { imageData: imageData(raster, "Gray Gamma 2.2"), ...bounded(raster) };
    },
    async createImageDataFromBuffer(buffer, { width, height, components, colorProfile = "" }) {
      if (buffer.length !== width * height * components) throw new Error("The buffer has another size.");
      if (components !== 1 && components !== 2 && components !== 3 && components !== 4)
        throw new Error("Bad components.");
      return imageData({ left: 0, top: 0, width, height, components, data: buffer }, colorProfile);
    },
    async encodeImageData({ imageData, base64 }) {
      if (imageData.colorSpace !== "RGB" || imageData.components !== 3 || imageData.componentSize !== 8) {
        throw new Error("Only 8-bit RGB can be encoded.");
      }
      const jpeg = [0xff, 0xd8, 0xff, 0xe0, 0xff, 0xd9]; // markers only: nobody here looks at it
      return base64 === true ? Buffer.from(jpeg).toString("base64") : jpeg;
    },
  };
}
