/** How a result comes back: as a linked layer above the clip, else as a document of its own, else by hand. */

import type { Imported, ResultFiles } from "../host.ts";
import { HostError } from "../host.ts";
import { modal, oneStep, play } from "./commands.ts";
import { alignment, placeLinked, selectDocument, selectLayer } from "./descriptors.ts";
import { CommandRefused, faults } from "./faults.ts";
import { fileAt, nameOf } from "./files.ts";
import type { Modules, OpenDocument } from "./modules.ts";
import { allLayers } from "./source.ts";
import { beginning, rateOf, readTimeline, type Timeline } from "./timeline.ts";
import type { FileEntry } from "./uxp.ts";

export interface Target {
  readonly document: OpenDocument;
  /** The clip's layer, where known: the result goes right above it. */
  readonly layer: number | null;
  /** Whether the timeline's frames are surely the clip's. */
  readonly oneToOne: boolean;
}

interface File {
  readonly path: string;
  readonly entry: FileEntry;
}

/** Throws a HostError when the files are gone, Photoshop stays busy or the person cancels. */
export async function bringIn(
  modules: Modules,
  result: ResultFiles,
  target: Target | null,
  reveal: (path: string) => Promise<void>,
): Promise<Imported & { readonly path: string }> {
  const files: File[] = [];
  const named = [result.layer, result.flat].filter((path): path is string => path !== null);
  for (const path of named) {
    const entry = await fileAt(modules, path);
    if (entry !== null) files.push({ path, entry });
  }
  const [first] = files;
  if (first === undefined) throw faults.resultGone(nameOf(named[0] ?? result.folder));
  const rungs: ((file: File) => Promise<Imported>)[] = [(file) => openedAlone(modules, file)];
  if (target !== null) rungs.unshift((file) => placed(modules, file, result, target));
  for (const rung of rungs) {
    for (const file of files) {
      const imported = await tried(() => rung(file));
      if (imported !== null) return { ...imported, path: file.path };
    }
  }
  await reveal(first.path);
  return {
    rung: "shown in its folder",
    todo: `Drag ${nameOf(first.path)} from the folder that opened onto the document.`,
    path: first.path,
  };
}

/** What Photoshop refuses leads to the next rung; a busy Photoshop and a person's cancel end the ladder. */
async function tried(rung: () => Promise<Imported>): Promise<Imported | null> {
  try {
    return await rung();
  } catch (error) {
    if (error instanceof HostError) throw error;
    return null;
  }
}

async function placed(modules: Modules, file: File, result: ResultFiles, target: Target): Promise<Imported> {
  const { photoshop, uxp } = modules;
  const { document } = target;
  return await modal(photoshop, `Videoshop brings in ${result.name}`, async (context) => {
    if (photoshop.activeDocument()?.id !== document.id) await play(photoshop, [selectDocument(document.id)]);
    const timeline = await readTimeline(photoshop);
    return await oneStep(context, document.id, result.name, async () => {
      const token = uxp.storage.localFileSystem.createSessionToken(file.entry);
      if (target.layer !== null) await play(photoshop, [selectLayer(target.layer)]);
      const [answer] = await play(photoshop, [placeLinked(token)]);
      const id = typeof answer?.ID === "number" ? answer.ID : document.activeLayers[0]?.id;
      const layer = allLayers(document.layers).find((one) => one.id === id);
      if (layer === undefined) throw new CommandRefused("placeEvent", null, "no new layer is there");
      await play(photoshop, [selectLayer(layer.id)]);
      layer.name = result.name;
      const found = timeline === null ? null : startOf(result, timeline);
      const aligned = await align(modules, found ?? result.start, timeline);
      const sure = target.oneToOne || found !== null;
      return { rung: "placed as a linked layer", todo: todo(document, layer.id, result, aligned, sure) };
    });
  });
}

/** The frame of the timeline at which the result begins: the edited frame is where the playhead was. */
function startOf(result: ResultFiles, timeline: Timeline): number | null {
  const clipRate = rateOf(result.fps);
  const begins = beginning(result.place ?? null, result.frame ?? null, clipRate, timeline.rate);
  return begins === null || clipRate === null ? null : begins + Math.round((result.start * timeline.rate) / clipRate);
}

/** Moves the selected, new layer in time; false when Photoshop has no timeline or refuses. */
async function align({ photoshop }: Modules, start: number, timeline: Timeline | null): Promise<boolean> {
  if (timeline === null || start < 0 || start >= timeline.frames) return false;
  try {
    await play(photoshop, alignment(start, timeline.frames - start, timeline.rate));
    return true;
  } catch (error) {
    if (error instanceof CommandRefused) return false;
    throw error;
  }
}

function todo(
  document: OpenDocument,
  id: number,
  result: ResultFiles,
  aligned: boolean,
  sure: boolean,
): string | null {
  const steps: string[] = [];
  if (!aligned) steps.push(`Drag the new layer on the timeline so that it starts at the clip's frame ${result.start}.`);
  else if (!sure)
    steps.push(`If the clip was trimmed or moved, move the new layer to start at the clip's frame ${result.start}.`);
  const above = document.layers.slice(
    0,
    Math.max(
      0,
      document.layers.findIndex((one) => one.id === id),
    ),
  );
  if (above.some(({ visible }) => visible)) steps.push("Hide the layers that you painted on: they cover the new one.");
  return steps.length === 0 ? null : steps.join(" ");
}

async function openedAlone({ photoshop }: Modules, file: File): Promise<Imported> {
  await modal(photoshop, `Videoshop opens ${nameOf(file.path)}`, () => photoshop.open(file.entry));
  return { rung: "opened as a second document", todo: "Drag its layer onto your document, above the clip." };
}
