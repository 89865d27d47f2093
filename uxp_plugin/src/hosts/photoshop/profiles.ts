/** What a document's colour profile means for its export, by its name. Pure. */

import type { Curve } from "./pixels.ts";

export const SRGB = "sRGB IEC61966-2.1";

/** A profile's own name: 32-bit documents put "(Linear RGB Profile)" behind it. */
export function plainName(profile: string): string {
  return profile.replace(/\s*\(Linear [^)]*Profile\)\s*$/i, "").trim();
}

/** How the export treats a profile. */
export interface Treatment {
  /** The profile to ask Photoshop for, or null: the document's own. */
  readonly convertTo: string | null;
  /** The profile that the exported pixels are in; null when the document is untagged. */
  readonly exported: string | null;
  readonly note: string | null;
}

/**
 * Spaces for still images are converted to sRGB, which Photoshop shows a video's values as; those of video are left as
 * they are, for the document's values then are the clip's.
 */
export function treatment(documentProfile: string, gray: boolean): Treatment {
  const name = plainName(documentProfile);
  if (name === "" || /^(none|untagged)/i.test(name)) return { convertTo: null, exported: null, note: null };
  if (gray || /srgb|rec\.?\s*(709|601|2020|2100)|hdtv|sdtv|bt\.?\s*(709|601|2020|2100)|p3/i.test(name)) {
    return { convertTo: null, exported: name, note: null };
  }
  if (/adobe rgb|prophoto|romm|apple rgb|colormatch|wide gamut|eci\s*rgb|generic rgb/i.test(name)) {
    return { convertTo: SRGB, exported: SRGB, note: `The frame is converted from ${name} to sRGB.` };
  }
  return {
    convertTo: null,
    exported: name,
    note: `The colour profile ${name} is not one of video; check the result's colours.`,
  };
}

const srgb: Curve = (linear) => (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055);
const bt709: Curve = (linear) => (linear < 0.018 ? 4.5 * linear : 1.099 * linear ** 0.45 - 0.099);
const power =
  (gamma: number): Curve =>
  (linear) =>
    linear ** (1 / gamma);

/** The curve that takes a 32-bit document's linear light to its profile's code values, and what is assumed. */
export function curveOf(documentProfile: string): { readonly curve: Curve; readonly name: string } {
  const name = plainName(documentProfile);
  if (/rec\.?\s*(709|601|2020)|hdtv|sdtv|bt\.?\s*(709|601|2020)/i.test(name)) return { curve: bt709, name: "Rec. 709" };
  if (/adobe rgb|wide gamut|gamma 2\.2/i.test(name)) return { curve: power(2.2), name: "gamma 2.2" };
  if (/prophoto|romm|apple rgb|colormatch|gamma 1\.8/i.test(name)) return { curve: power(1.8), name: "gamma 1.8" };
  return { curve: srgb, name: "sRGB" };
}
