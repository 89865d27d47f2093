import assert from "node:assert/strict";
import { test } from "node:test";
import {
  alphaOf,
  bands,
  channelsOf,
  encoded,
  rows,
  varies,
  widened,
  type Layout,
  type Piece,
} from "../../../src/hosts/photoshop/pixels.ts";
import { curveOf } from "../../../src/hosts/photoshop/profiles.ts";
import { chance } from "./chance.ts";

const linear = (value: number): number => value;

test("bands hold every row once, in order, and none is larger than asked unless one row is", () => {
  const draw = chance(1);
  for (let i = 0; i < 500; i++) {
    const [height, rowBytes, bytes] = [draw(1, 5000), draw(1, 300_000), draw(1, 9_000_000)];
    const planned = bands(height, rowBytes, bytes);
    assert.equal(planned[0]?.top, 0);
    assert.equal(planned[planned.length - 1]?.bottom, height);
    planned.forEach(({ top, bottom }, index) => {
      assert.ok(top < bottom);
      assert.ok((bottom - top) * rowBytes <= bytes || bottom - top === 1);
      assert.equal(planned[index + 1]?.top ?? height, bottom);
    });
  }
});

test("Photoshop's 16 bits fill the whole range: ends exact, in order, never more than half a step off", () => {
  let before = -1;
  for (let sample = 0; sample <= 32768; sample++) {
    const wide = widened(sample);
    assert.ok(wide > before);
    assert.ok(Math.abs(wide - (sample * 65535) / 32768) <= 0.5);
    before = wide;
  }
  assert.equal(widened(0), 0);
  assert.equal(widened(32768), 65535);
  assert.equal(widened(40000), 65535);
});

test("linear light is encoded by the curve, and what is no colour goes to an end", () => {
  const { curve } = curveOf("sRGB IEC61966-2.1 (Linear RGB Profile)");
  assert.equal(encoded(0, curve), 0);
  assert.equal(encoded(1, curve), 65535);
  assert.ok(Math.abs(encoded(0.21404114, curve) - 32767.5) <= 0.5);
  for (const [value, end] of [
    [-3, 0],
    [17, 65535],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 65535],
    [Number.NEGATIVE_INFINITY, 0],
  ] as const) {
    assert.equal(encoded(value, curve), end);
  }
});

test("a trimmed piece is laid in its place on the canvas, whatever its place and depth", () => {
  const draw = chance(7);
  for (let i = 0; i < 300; i++) {
    const [width, height] = [draw(1, 12), draw(1, 12)];
    const left = draw(-3, width - 1);
    const top = draw(-3, height - 1);
    const bounds = { left, top, right: draw(left + 1, width + 3), bottom: draw(top + 1, height + 3) };
    const components = draw(1, 4);
    const count = (bounds.right - bounds.left) * (bounds.bottom - bounds.top) * components;
    const deep = draw(0, 1) === 1;
    const samples = deep
      ? Uint16Array.from({ length: count }, () => draw(0, 32768))
      : Uint8Array.from({ length: count }, () => draw(0, 255));
    const layout: Layout = { width, channels: channelsOf(components, draw(0, 1) === 1), bits: deep ? 16 : 8 };
    const planned = bands(height, width, draw(1, 40));
    const piece: Piece = { samples, components, bounds };
    const bytes = Buffer.concat(planned.map(({ top: from, bottom: to }) => rows(piece, from, to, layout, linear)));
    const at = (x: number, y: number, channel: number): number => {
      const index = (y * width + x) * layout.channels + channel;
      return deep ? bytes.readUInt16LE(index * 2) : (bytes[index] ?? -1);
    };
    assert.equal(bytes.length, width * height * layout.channels * (layout.bits / 8));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const inside = x >= left && x < bounds.right && y >= top && y < bounds.bottom;
        for (let channel = 0; channel < layout.channels; channel++) {
          assert.equal(at(x, y, channel), inside ? expected(piece, x, y, channel, layout) : 0);
        }
      }
    }
  }
});

function expected(
  { samples, components, bounds }: Piece,
  x: number,
  y: number,
  channel: number,
  { channels, bits }: Layout,
): number {
  const pixel = ((y - bounds.top) * (bounds.right - bounds.left) + x - bounds.left) * components;
  const full = bits === 16 ? 65535 : 255;
  const read = (index: number): number =>
    bits === 16 ? widened(samples[pixel + index] ?? 0) : (samples[pixel + index] ?? 0);
  if (channels === 4 && channel === 3) return components % 2 === 0 ? read(components - 1) : full;
  return read(components < 3 ? 0 : channel);
}

test("32-bit alpha is no light and is not encoded", () => {
  const { curve } = curveOf("sRGB IEC61966-2.1");
  const piece: Piece = {
    samples: Float32Array.of(0.5, 0.5, 0.5, 0.5),
    components: 4,
    bounds: { left: 0, top: 0, right: 1, bottom: 1 },
  };
  const bytes = Buffer.from(rows(piece, 0, 1, { width: 1, channels: 4, bits: 16 }, curve));
  assert.deepEqual([bytes.readUInt16LE(0), bytes.readUInt16LE(6)], [48192, 32768]);
});

test("a layer without transparency is opaque in its alpha", () => {
  const bounds = { left: 2, top: 3, right: 4, bottom: 4 };
  assert.deepEqual(
    alphaOf({ samples: Uint8Array.of(1, 2, 3, 4, 5, 6), components: 3, bounds }).samples,
    Uint8Array.of(255, 255),
  );
  assert.deepEqual(
    alphaOf({ samples: Uint16Array.of(1, 9, 2, 8), components: 2, bounds }).samples,
    Uint16Array.of(9, 8),
  );
});

test("fewer pixels than announced are refused, not read past", () => {
  const piece: Piece = { samples: new Uint8Array(5), components: 3, bounds: { left: 0, top: 0, right: 2, bottom: 1 } };
  assert.throws(() => rows(piece, 0, 1, { width: 2, channels: 3, bits: 8 }, linear), RangeError);
});

test("a mask of one value says nothing", () => {
  assert.equal(varies(Uint8Array.of(7, 7, 7), 7), false);
  assert.equal(varies(Uint8Array.of(7, 7, 8), 7), true);
});
