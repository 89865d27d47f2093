/** A finished job's files as a host brings them in. */

import type { Result } from "../bridge/generated.ts";
import type { ResultFiles } from "../hosts/host.ts";

/** Best first: what hosts read with alpha, and as video. */
const LAYERS = ["layer.mov", "layer"] as const;
const FLATS = ["flat.mp4", "flat.mkv", "flat"] as const;

/** The name of the finished clip among a result's files, as a file or a folder of frames; null if it has none. */
export function flatOf({ files }: Result): string | null {
  return FLATS.find((name) => files.includes(name)) ?? null;
}

export function layerOf({ files }: Result): string | null {
  return LAYERS.find((name) => files.includes(name)) ?? null;
}

/** A full path of a name in a folder, with the folder's own kind of slash. */
export function joined(folder: string, name: string): string {
  const slash = folder.includes("\\") && !folder.includes("/") ? "\\" : "/";
  return folder.endsWith(slash) ? folder + name : folder + slash + name;
}

export function resultFiles(
  result: Result,
  { start, fps, clip }: { start: number; fps: string; clip: string },
): ResultFiles {
  const at = (name: string | null): string | null => (name === null ? null : joined(result.folder, name));
  const name = clip.replace(/\.[^.]+$/, "");
  return {
    folder: result.folder,
    layer: at(layerOf(result)),
    flat: at(flatOf(result)),
    start,
    fps,
    name: name === "" ? "Videoshop" : `${name} – Videoshop`,
  };
}
