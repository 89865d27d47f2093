/** From what Photoshop's imaging gives to what the bridge takes. Pure: no host is asked. */

/** Left and top inside, right and bottom outside, in pixels of the canvas. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Pixels as imaging gives them, interleaved: 8-bit 0..255, 16-bit 0..32768, 32-bit linear light. */
export type Samples = Uint8Array | Uint16Array | Float32Array;

/** A piece of the canvas: `samples` of `components` each fill `bounds`. */
export interface Piece {
  readonly samples: Samples;
  readonly components: number;
  readonly bounds: Rectangle;
}

/** How the bridge gets it. */
export interface Layout {
  readonly width: number;
  readonly channels: 1 | 3 | 4;
  readonly bits: 8 | 16;
}

export const BAND_BYTES = 8 << 20;

/** The rows of a picture in bands of about `bytes`, at least one row each, top to bottom, each row once. */
export function bands(height: number, rowBytes: number, bytes: number = BAND_BYTES): { top: number; bottom: number }[] {
  const rows = Math.max(1, Math.floor(bytes / rowBytes));
  const planned: { top: number; bottom: number }[] = [];
  for (let top = 0; top < height; top += rows) planned.push({ top, bottom: Math.min(height, top + rows) });
  return planned;
}

/** Photoshop's 0..32768 over 0..65535: both ends exact, the nearest between them. */
export function widened(sample: number): number {
  return sample >= 32768 ? 65535 : (sample * 65535 + 16384) >>> 15;
}

/** A transfer curve from linear light 0..1 to code values 0..1. */
export type Curve = (linear: number) => number;

/** Linear light to 16 bits; what lies outside of 0..1, and what is no number, goes to the nearer end. */
export function encoded(linear: number, curve: Curve): number {
  return linear > 0 ? Math.round(curve(Math.min(1, linear)) * 65535) : 0;
}

/** What the bridge can be sent of so many components: gray with alpha travels as RGBA, more than four do not exist. */
export function channelsOf(components: number, keepAlpha: boolean): 1 | 3 | 4 {
  if (components === 1) return 1;
  if (components === 2) return keepAlpha ? 4 : 1;
  if (components === 3) return 3;
  return keepAlpha ? 4 : 3;
}

/**
 * The rows [top, bottom) of the canvas as bytes for the bridge: `piece`, which may be smaller, in its place, and
 * `outside` (a byte repeated, 0 for transparent black) around it. 16-bit is little-endian, as Photoshop's systems are.
 */
export function rows(
  piece: Piece | null,
  top: number,
  bottom: number,
  layout: Layout,
  curve: Curve,
  outside = 0,
): Uint8Array {
  const { width, channels, bits } = layout;
  const samples = width * (bottom - top) * channels;
  const target = bits === 8 ? new Uint8Array(samples) : new Uint16Array(samples);
  if (outside !== 0) target.fill(bits === 8 ? outside : outside * 257);
  if (piece !== null) lay(piece, target, top, bottom, layout, curve);
  return new Uint8Array(target.buffer);
}

function lay(
  piece: Piece,
  target: Uint8Array | Uint16Array,
  top: number,
  bottom: number,
  layout: Layout,
  curve: Curve,
): void {
  const { bounds, components, samples } = piece;
  const { width, channels } = layout;
  const stride = bounds.right - bounds.left;
  if (samples.length < stride * (bounds.bottom - bounds.top) * components) {
    throw new RangeError("Photoshop gave fewer pixels than it said.");
  }
  const color = converter(samples, layout.bits, curve);
  const alpha = converter(samples, layout.bits, (linear) => linear);
  const opaque = layout.bits === 8 ? 255 : 65535;
  const hasAlpha = components === 2 || components === 4;
  const gray = components < 3;
  const [left, right] = [Math.max(0, bounds.left), Math.min(width, bounds.right)];
  const asIs = layout.bits === 8 && samples.BYTES_PER_ELEMENT === 1 && components === channels;
  for (let y = Math.max(top, bounds.top); y < Math.min(bottom, bounds.bottom) && left < right; y++) {
    let from = ((y - bounds.top) * stride + left - bounds.left) * components;
    let to = ((y - top) * width + left) * channels;
    if (asIs) {
      target.set(samples.subarray(from, from + (right - left) * channels), to);
      continue;
    }
    for (let x = left; x < right; x++, from += components, to += channels) {
      target[to] = color(from);
      if (channels === 1) continue;
      target[to + 1] = color(gray ? from : from + 1);
      target[to + 2] = color(gray ? from : from + 2);
      if (channels === 4) target[to + 3] = hasAlpha ? alpha(from + components - 1) : opaque;
    }
  }
}

/** Reads the sample at an index as a value of so many bits. */
function converter(samples: Samples, bits: 8 | 16, curve: Curve): (index: number) => number {
  const size = samples.BYTES_PER_ELEMENT;
  if (size === 1) return bits === 8 ? (i) => samples[i] ?? 0 : (i) => (samples[i] ?? 0) * 257;
  const wide = size === 2 ? (i: number) => widened(samples[i] ?? 0) : (i: number) => encoded(samples[i] ?? 0, curve);
  return bits === 16 ? wide : (i) => Math.round(wide(i) / 257);
}

/** The alpha of a piece alone, as a piece of one component; opaque where it has none. */
export function alphaOf(piece: Piece): Piece {
  const { samples, components, bounds } = piece;
  const count = Math.floor(samples.length / components);
  const size = samples.BYTES_PER_ELEMENT;
  const alone = size === 1 ? new Uint8Array(count) : size === 2 ? new Uint16Array(count) : new Float32Array(count);
  const hasAlpha = components === 2 || components === 4;
  const opaque = size === 1 ? 255 : size === 2 ? 32768 : 1;
  for (let i = 0; i < count; i++) alone[i] = hasAlpha ? (samples[i * components + components - 1] ?? 0) : opaque;
  return { samples: alone, components: 1, bounds };
}

/** Whether any byte is another than `value`: a mask of one value says nothing. */
export function varies(bytes: Uint8Array, value: number): boolean {
  return bytes.some((byte) => byte !== value);
}
