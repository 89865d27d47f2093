/** Pixels of the simulated Photoshop, in its own ranges: 8-bit 0..255, 16-bit 0..32768, 32-bit linear. */

export interface Raster {
  /** Where it lies on the canvas. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly components: 1 | 2 | 3 | 4;
  readonly data: Uint8Array | Uint16Array | Float32Array;
}

export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function regionOf({ left, top, width, height }: Raster): Region {
  return { left, top, right: left + width, bottom: top + height };
}

export function empty({ left, top, right, bottom }: Region): boolean {
  return left >= right || top >= bottom;
}

export function common(a: Region, b: Region): Region {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}

export function like(raster: Raster, length: number): Uint8Array | Uint16Array | Float32Array {
  const size = raster.data.BYTES_PER_ELEMENT;
  return size === 1 ? new Uint8Array(length) : size === 2 ? new Uint16Array(length) : new Float32Array(length);
}

/** The part of a raster inside a region that it covers. */
export function cropped(raster: Raster, region: Region): Raster {
  const [width, height] = [region.right - region.left, region.bottom - region.top];
  const { components } = raster;
  const data = like(raster, width * height * components);
  for (let y = 0; y < height; y++) {
    const from = ((region.top - raster.top + y) * raster.width + region.left - raster.left) * components;
    data.set(raster.data.subarray(from, from + width * components), y * width * components);
  }
  return { left: region.left, top: region.top, width, height, components, data };
}

/** The nearest sample of each place. */
export function scaled(raster: Raster, width: number, height: number): Raster {
  const { components } = raster;
  const data = like(raster, width * height * components);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from =
        (Math.floor((y * raster.height) / height) * raster.width + Math.floor((x * raster.width) / width)) * components;
      data.set(raster.data.subarray(from, from + components), (y * width + x) * components);
    }
  }
  return { ...raster, width, height, data };
}

/** Without alpha, on white. */
export function matted(raster: Raster): Raster {
  if (raster.components === 1 || raster.components === 3) return raster;
  const color = raster.components === 2 ? 1 : 3;
  const white = raster.data.BYTES_PER_ELEMENT === 1 ? 255 : raster.data.BYTES_PER_ELEMENT === 2 ? 32768 : 1;
  const count = raster.width * raster.height;
  const data = like(raster, count * color);
  for (let i = 0; i < count; i++) {
    const alpha = (raster.data[i * raster.components + color] ?? 0) / white;
    for (let c = 0; c < color; c++) {
      data[i * color + c] = (raster.data[i * raster.components + c] ?? 0) * alpha + white * (1 - alpha);
    }
  }
  return { ...raster, components: color, data };
}

/** Gray as three equal colours. */
export function colored(raster: Raster): Raster {
  if (raster.components > 2) return raster;
  const components = raster.components === 1 ? 3 : 4;
  const count = raster.width * raster.height;
  const data = like(raster, count * components);
  for (let i = 0; i < count; i++) {
    const gray = raster.data[i * raster.components] ?? 0;
    data.set([gray, gray, gray], i * components);
    if (components === 4) data[i * 4 + 3] = raster.data[i * 2 + 1] ?? 0;
  }
  return { ...raster, components, data };
}
