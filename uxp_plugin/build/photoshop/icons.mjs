// The plugin's icons, drawn: a film frame with a painted stroke in it. No image file is kept in the repository.

import { deflateSync } from "node:zlib";
import { crc32 } from "./zip.mjs";

const SAMPLES = 4;
const ACCENT = [38, 128, 235];

/** A PNG of `size` pixels square; `ink` is the frame's colour [red, green, blue]. */
export function icon(size, ink) {
  const rows = Buffer.alloc(size * (1 + size * 4));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) rows.set(pixel(x, y, size, ink), y * (1 + size * 4) + 1 + x * 4);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Straight RGBA of one pixel, as the mean of its samples. */
function pixel(x, y, size, ink) {
  let [frame, stroke] = [0, 0];
  for (let sample = 0; sample < SAMPLES ** 2; sample++) {
    const u = (x + ((sample % SAMPLES) + 0.5) / SAMPLES) / size;
    const v = (y + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / size;
    if (inStroke(u, v)) stroke += 1;
    else if (inFrame(u, v)) frame += 1;
  }
  const covered = frame + stroke;
  if (covered === 0) return [0, 0, 0, 0];
  const mixed = ink.map((channel, index) => Math.round((channel * frame + ACCENT[index] * stroke) / covered));
  return [...mixed, Math.round((covered / SAMPLES ** 2) * 255)];
}

function inFrame(u, v) {
  const outer = u > 0.06 && u < 0.94 && v > 0.14 && v < 0.86;
  const inner = u > 0.22 && u < 0.78 && v > 0.22 && v < 0.78;
  const hole = Math.abs(((v - 0.14) % 0.18) - 0.09) < 0.045 && ((u > 0.1 && u < 0.18) || (u > 0.82 && u < 0.9));
  return outer && !inner && !hole;
}

function inStroke(u, v) {
  const along = u > 0.3 && u < 0.7;
  return along && Math.abs(v - (0.5 + 0.14 * Math.sin((u - 0.3) * 15.7))) < 0.075;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
