/** The little of CEP 12 that the panel uses: evalScript, the file system, the host's skin. */

import type { Evaluate } from "./calls.ts";

/** `window.__adobe_cep__`; CSInterface.js is a thin layer over it that the panel does not need. */
export interface AdobeCep {
  evalScript(script: string, answered: (result: string) => void): void;
  getHostEnvironment(): string;
  addEventListener(type: string, heard: (event: unknown) => void, context?: unknown): void;
}

/** `window.cep`. */
export interface Cep {
  readonly fs: {
    readFile(path: string, encoding?: string): { readonly err: number; readonly data: string };
  };
}

export type Theme = "light" | "dark";

export const THEME_CHANGED = "com.adobe.csxs.events.ThemeColorChanged";

export function evaluateIn(adobe: AdobeCep): Evaluate {
  return (script) => new Promise((resolve) => adobe.evalScript(script, resolve));
}

/** The text of a file, or with `Base64` its bytes so written; null where it cannot be read. */
export function readWith(cep: Cep): (path: string, encoding?: "Base64") => string | null {
  return (path, encoding) => {
    const { err, data } = encoding === undefined ? cep.fs.readFile(path) : cep.fs.readFile(path, encoding);
    return err === 0 ? data : null;
  };
}

/** Light or dark, as After Effects' own panels are. */
export function themeOf(environment: string): Theme {
  const skin = JSON.parse(environment) as {
    appSkinInfo?: { panelBackgroundColor?: { color?: { red?: number; green?: number; blue?: number } } };
  };
  const { red = 0, green = 0, blue = 0 } = skin.appSkinInfo?.panelBackgroundColor?.color ?? {};
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127 ? "light" : "dark";
}
