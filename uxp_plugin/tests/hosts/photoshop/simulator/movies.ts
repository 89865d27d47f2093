/** What a movie's own boxes say of it (ISO/IEC 14496-12, QuickTime File Format): enough to place it on a timeline. */

import { readFileSync } from "node:fs";

export interface Movie {
  readonly brand: string;
  /** Four characters, such as "ap4h" (ProRes 4444) or "avc1" (H.264). */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly rate: number;
}

/** The movie's first video track; null for a file that is no whole movie. */
export function movie(path: string): Movie | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return null;
  }
  const top = boxes(bytes);
  const moov = top.get("moov");
  if (moov === undefined || !top.has("mdat")) return null;
  const brand = top.get("ftyp")?.[0]?.toString("latin1", 0, 4) ?? "qt  ";
  for (const track of boxes(moov[0] ?? Buffer.alloc(0)).get("trak") ?? []) {
    const described = video(track, brand);
    if (described !== null) return described;
  }
  return null;
}

function video(track: Buffer, brand: string): Movie | null {
  const media = boxes(boxes(track).get("mdia")?.[0] ?? Buffer.alloc(0));
  if (media.get("hdlr")?.[0]?.toString("latin1", 8, 12) !== "vide") return null;
  const header = media.get("mdhd")?.[0];
  const table = boxes(boxes(media.get("minf")?.[0] ?? Buffer.alloc(0)).get("stbl")?.[0] ?? Buffer.alloc(0));
  const [entry, times] = [table.get("stsd")?.[0], table.get("stts")?.[0]];
  if (header === undefined || entry === undefined || times === undefined) return null;
  const timescale = header.readUInt32BE(header[0] === 1 ? 20 : 12);
  let [frames, ticks] = [0, 0];
  for (let index = 0; index < times.readUInt32BE(4); index++) {
    const [count, each] = [times.readUInt32BE(8 + index * 8), times.readUInt32BE(12 + index * 8)];
    frames += count;
    ticks += count * each;
  }
  return {
    brand,
    codec: entry.toString("latin1", 12, 16),
    width: entry.readUInt16BE(40),
    height: entry.readUInt16BE(42),
    frames,
    rate: (frames * timescale) / ticks,
  };
}

/** The contents of the boxes in `bytes`, by type, in order. */
function boxes(bytes: Buffer): Map<string, Buffer[]> {
  const found = new Map<string, Buffer[]>();
  for (let at = 0; at + 8 <= bytes.length;) {
    const short = bytes.readUInt32BE(at);
    const head = short === 1 ? 16 : 8;
    const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? bytes.length - at : short;
    if (size < head) break;
    const type = bytes.toString("latin1", at + 4, at + 8);
    found.set(type, [...(found.get(type) ?? []), bytes.subarray(at + head, at + size)]);
    at += size;
  }
  return found;
}
