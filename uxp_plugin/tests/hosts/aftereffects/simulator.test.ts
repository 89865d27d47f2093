import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { CompItem, FileSource, FolderItem, FootageItem, LayerCollection, SolidSource } from "./simulator/items.ts";
import { AVLayer, Layer } from "./simulator/layers.ts";
import { RenderQueue } from "./simulator/application.ts";
import { MaskPropertyGroup, Property, PropertyGroup, Shape } from "./simulator/properties.ts";
import { project } from "./project.ts";

/** Doors of the simulator for tests, which no script sees as After Effects'. */
const DOORS = new Set(["constructor", "put", "there", "picture", "isStill", "copyFor", "times", "drawOn", "take", "outline", "strength", "apply", "stack"]);

function published(): Map<string, Set<string>> {
  const file = resolve("node_modules/types-for-adobe/AfterEffects/26.0/index.d.ts");
  const program = ts.createProgram([file], { noLib: true, types: [] });
  const checker = program.getTypeChecker();
  const found = new Map<string, Set<string>>();
  const source = program.getSourceFile(file);
  source?.forEachChild((node) => {
    if (ts.isClassDeclaration(node) && node.name !== undefined) {
      found.set(node.name.text, new Set(checker.getTypeAtLocation(node).getProperties().map((one) => one.name)));
    }
  });
  return found;
}

test("the simulated objects have no method or accessor that After Effects' published types lack", () => {
  const types = published();
  for (const simulated of [CompItem, FootageItem, FolderItem, FileSource, SolidSource, Layer, AVLayer, LayerCollection, MaskPropertyGroup, Property, PropertyGroup, Shape, RenderQueue]) {
    const known = types.get(simulated.name);
    assert.ok(known !== undefined && known.size > 0, simulated.name);
    for (let at: object = simulated.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
      for (const name of Object.getOwnPropertyNames(at)) {
        assert.ok(known.has(name) || DOORS.has(name), `${simulated.name}.${name}`);
      }
    }
  }
});

test("the simulated engine knows no more than ES3", async (t) => {
  const { ae } = await project(t);
  for (const newer of ["JSON", "[].indexOf", "[].map", "[].forEach", '"".trim', "Object.keys", "Date.now", "(function () {}).bind", "Array.isArray"]) {
    assert.equal(ae.evaluate(`typeof ${newer}`), "undefined", newer);
  }
});

test("it refuses what After Effects refuses", async (t) => {
  const { ae, folder } = await project(t);
  const refused = (source: string, why: RegExp): void => void assert.throws(() => ae.evaluate(source), why);
  refused(`new ImportOptions(new File("${folder}/none.mov"))`, /does not exist/);
  refused("app.project.activeItem.layer(9)", /out of range/);
  refused('app.project.activeItem.layer(1).property("No Such Thing").value', /null/);
  refused("app.endUndoGroup()", /mismatch/);
  refused('app.beginUndoGroup("open")', /mismatch/);
  refused("app.project.activeItem.layer(1).source.mainSource.alphaMode = AlphaMode.STRAIGHT", /no alpha/);
});

test("callSystem blocks until the command's end", async (t) => {
  const { ae } = await project(t);
  assert.equal(ae.evaluate('system.callSystem("sleep 0.2; echo done")'), "done\n");
  assert.ok((ae.blocked[0] ?? 0) >= 200);
});
