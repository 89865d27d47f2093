import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { parse } from "acorn";
import type { AnyNode } from "acorn";
import { script } from "../../../build/aftereffects.mjs";

const RESERVED = /^(abstract|boolean|break|byte|case|catch|char|class|const|continue|debugger|default|delete|do|double|else|enum|export|extends|final|finally|float|for|function|goto|if|implements|import|in|instanceof|int|interface|long|native|new|package|private|protected|public|return|short|static|super|switch|synchronized|this|throw|throws|transient|try|typeof|var|void|volatile|while|with|true|false|null)$/;

function* nodes(value: unknown): Generator<AnyNode> {
  if (Array.isArray(value)) {
    for (const part of value) {
      yield* nodes(part);
    }
  } else if (typeof value === "object" && value !== null) {
    if ("type" in value) {
      yield value as AnyNode;
    }
    for (const part of Object.values(value)) {
      yield* nodes(part);
    }
  }
}

for (const which of ["panel", "script"] as const) {
  test(`the ${which}'s script is ES3: it parses, without trailing commas, reserved words as names, or characters beyond ASCII`, async () => {
    const source = await script(which);
    assert.match(source, /^[\n\x20-\x7e]*$/);
    const trailing: number[] = [];
    const tree = parse(source, { ecmaVersion: 3, onTrailingComma: (at) => trailing.push(at) });
    assert.deepEqual(trailing, []);
    for (const node of nodes(tree)) {
      if (node.type === "MemberExpression" && !node.computed && node.property.type === "Identifier") {
        assert.doesNotMatch(node.property.name, RESERVED);
      }
      if (node.type === "Property" && node.key.type === "Identifier") {
        assert.equal(node.kind, "init");
        assert.doesNotMatch(node.key.name, RESERVED);
      }
    }
  });

  test(`the ${which}'s script leaves nothing to ExtendScript's own order of && and ||, and nests no conditions bare`, async () => {
    for (const node of nodes(parse(await script(which), { ecmaVersion: 3, preserveParens: true }))) {
      if (node.type === "LogicalExpression") {
        for (const side of [node.left, node.right]) {
          assert.ok(side.type !== "LogicalExpression" || side.operator === node.operator, `mixed at ${side.start}`);
        }
      }
      if (node.type === "ConditionalExpression") {
        assert.ok([node.test, node.consequent, node.alternate].every((part) => part.type !== "ConditionalExpression"), `nested at ${node.start}`);
      }
    }
  });
}

test("the scripts use After Effects' objects as its published types have them", () => {
  const done = spawnSync("npx", ["tsc", "-p", "src/hosts/aftereffects/jsx/tsconfig.json"], { encoding: "utf8" });
  assert.equal(done.stdout, "");
  assert.equal(done.status, 0);
});
