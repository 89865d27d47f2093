import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      yield* sources(path);
    } else {
      yield path;
    }
  }
}

const panel = [...sources("src/panel")].map((path) => [path, readFileSync(path, "utf8")] as const);

/** What UXP lacks or forbids, or what makes markup of text. */
const MISSING =
  /\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function|matchMedia|MutationObserver|ResizeObserver|TextDecoder|createObjectURL|crypto\.subtle|replaceChildren|btoa|atob|queueMicrotask|requestAnimationFrame|showModal|structuredClone)\b|\.append\(/;

test("the panel uses nothing that UXP lacks, and makes no markup of text", () => {
  const found = panel.filter(([path]) => path.endsWith(".ts")).filter(([, text]) => MISSING.test(text.replace(/\/\*\*[^]*?\*\//g, "")));
  assert.deepEqual(found.map(([path]) => path), []);
});

test("the panel's style asks for no layout that UXP lacks", () => {
  const css = panel.filter(([path]) => path.endsWith(".css")).map(([, text]) => text.replace(/\/\*[^]*?\*\//g, ""));
  assert.equal(css.length, 1);
  assert.doesNotMatch(css.join(), /\bgrid\b|\bgap:|calc\(|:has\(|:is\(|@import|@supports|\binset:|url\(/);
});

test("the panel knows no host but by the seam", () => {
  for (const [path, text] of panel) {
    for (const [, from = ""] of text.matchAll(/from "([^"]+)"/g)) {
      assert.ok(!/hosts\/(?!host\.ts)/.test(from), `${path} imports ${from}`);
    }
  }
});
