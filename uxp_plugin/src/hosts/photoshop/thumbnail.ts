/** A small picture of the composite for the panel, as Photoshop's JPEG. */

import { exportOf } from "./frame.ts";
import type { Modules, OpenDocument } from "./modules.ts";
import { rows, type Layout } from "./pixels.ts";
import { curveOf, SRGB } from "./profiles.ts";

const HEIGHT = 180;

/** A data: address, or null when Photoshop does not give one now. Read without a modal scope: a look must not disturb. */
export async function thumbnail({ photoshop }: Modules, document: OpenDocument): Promise<string | null> {
  const { imaging } = photoshop;
  const size = { height: Math.min(HEIGHT, document.height) };
  try {
    const { imageData } = await imaging.getPixels({
      documentID: document.id,
      targetSize: size,
      applyAlpha: true,
      colorSpace: "RGB",
    });
    try {
      if (imageData.componentSize === 8 && imageData.components === 3) {
        return address(await imaging.encodeImageData({ imageData, base64: true }));
      }
      const { width, height, components } = imageData;
      const samples = await imageData.getData({ chunky: true, fullRange: false });
      const layout: Layout = { width, channels: 3, bits: 8 };
      const bounds = { left: 0, top: 0, right: width, bottom: height };
      const { curve } = curveOf(exportOf(document).exported ?? SRGB);
      const plain = rows({ samples, components, bounds }, 0, height, layout, curve);
      const small = await imaging.createImageDataFromBuffer(plain, {
        width,
        height,
        components: 3,
        colorSpace: "RGB",
        colorProfile: SRGB,
      });
      try {
        return address(await imaging.encodeImageData({ imageData: small, base64: true }));
      } finally {
        await small.dispose();
      }
    } finally {
      await imageData.dispose();
    }
  } catch {
    return null; // a panel without a picture still works
  }
}

function address(encoded: string | number[]): string | null {
  return typeof encoded === "string" ? `data:image/jpeg;base64,${encoded}` : null;
}
