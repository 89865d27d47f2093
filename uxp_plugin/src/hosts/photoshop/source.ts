/** Which file on disk is the clip that the document shows? A ladder, from what Photoshop knows to what was answered. */

import type { ClipSource, Settings } from "../host.ts";
import { askAll } from "./commands.ts";
import { isFullPath, isMovie, layer as describe, linkedPath, videoLayerPath } from "./descriptors.ts";
import { exists, nameOf } from "./files.ts";
import type { Descriptor, Layer, Modules, OpenDocument } from "./modules.ts";

export interface Found {
  readonly clip: ClipSource | null;
  /** The layer that shows the clip, where it is known. */
  readonly layer: number | null;
  readonly notes: readonly string[];
}

export const NOTHING: Found = { clip: null, layer: null, notes: [] };

/** All layers from the top, those of groups behind their group. */
export function allLayers(layers: readonly Layer[]): Layer[] {
  return layers.flatMap((one) => [one, ...allLayers(one.layers ?? [])]);
}

/** A layer that shows a file. */
export interface Candidate {
  readonly layer: number;
  readonly path: string;
  readonly from: "linked" | "video layer";
}

/** Results that were placed before look like clips; they are none. */
export async function candidates(
  modules: Modules,
  document: OpenDocument,
  placed: ReadonlySet<string>,
): Promise<Candidate[]> {
  const layers = allLayers(document.layers).filter(({ kind }) => kind === "smartObject" || kind === "video");
  const described = await askAll(
    modules.photoshop,
    layers.map(({ id }) => describe(document.id, id)),
  );
  return layers.flatMap(({ id, kind }, index) => {
    const known = described[index] ?? null;
    const path = known === null ? null : pathOf(known, kind);
    if (path === null || !isMovie(path) || placed.has(path)) return [];
    return [{ layer: id, path, from: kind === "video" ? ("video layer" as const) : ("linked" as const) }];
  });
}

function pathOf(described: Descriptor, kind: string): string | null {
  return kind === "video" ? videoLayerPath(described) : linkedPath(described);
}

/** The selected layer's clip, else the only one, else the lowest: edits lie above what they are edits of. */
export function chosen(
  found: readonly Candidate[],
  active: readonly number[],
): { one: Candidate; sure: boolean } | null {
  const selected = found.find(({ layer }) => active.includes(layer));
  const one = selected ?? found[found.length - 1];
  if (one === undefined) return null;
  return { one, sure: selected !== undefined || new Set(found.map(({ path }) => path)).size === 1 };
}

export async function findSource(
  modules: Modules,
  document: OpenDocument,
  memory: Memory,
  opened: string | null,
): Promise<Found> {
  const notes: string[] = [];
  const placed = await memory.placed();
  const layers = await candidates(modules, document, placed);
  const choice = chosen(
    layers,
    document.activeLayers.map(({ id }) => id),
  );
  if (choice !== null && (await exists(modules, choice.one.path))) {
    const { path, from, layer } = choice.one;
    if (!choice.sure)
      notes.push(
        `Several clips are in this document; ${nameOf(path)}, the lowest, is meant. Select another to mean it.`,
      );
    return { clip: { path, name: nameOf(path), from }, layer, notes };
  }
  if (choice !== null) notes.push(`The linked file ${nameOf(choice.one.path)} is not there any more.`);
  const known = await memory.answer(document);
  const movie = allLayers(document.layers).filter(({ kind }) => kind === "video");
  const layer = choice?.one.layer ?? (movie.length === 1 ? (movie[0]?.id ?? null) : null);
  for (const [path, from] of [
    [opened, "opened"],
    [known, "asked"],
    [ownFile(document, placed), "document"],
  ] as const) {
    if (path !== null && (await exists(modules, path)))
      return { clip: { path, name: nameOf(path), from }, layer, notes };
  }
  if (known !== null) notes.push(`The clip ${nameOf(known)} that you chose is not there any more.`);
  return { clip: null, layer, notes };
}

/** A movie that was opened by File > Open, and not saved as a document since, is its document's own file. */
function ownFile({ path }: OpenDocument, placed: ReadonlySet<string>): string | null {
  return isFullPath(path) && isMovie(path) && !placed.has(path) ? path : null;
}

/** A file that the person chose. `token` is a persistent one: it may find the file after it was moved. */
export interface Answer {
  readonly path: string;
  readonly token: string | null;
}

/**
 * What the person answered, by document: a saved one by its path, another by its number for as long as it is open.
 * Layers are never a key, for Photoshop gives their numbers away again.
 */
export class Memory {
  private readonly unsaved = new Map<number, Answer>();

  constructor(
    private readonly modules: Modules,
    private readonly settings: Settings,
  ) {}

  async answer(document: OpenDocument): Promise<string | null> {
    const given = this.unsaved.get(document.id);
    if (given !== undefined && isSaved(document)) await this.remember(document, given);
    const kept = given ?? (isSaved(document) ? parsed(await this.settings.get(keyOf(document))) : null);
    if (kept === null || (await exists(this.modules, kept.path)) || kept.token === null) return kept?.path ?? null;
    return (await this.moved(kept.token)) ?? kept.path;
  }

  async remember(document: OpenDocument, answer: Answer): Promise<void> {
    if (isSaved(document)) {
      this.unsaved.delete(document.id);
      await this.settings.set(keyOf(document), JSON.stringify(answer));
    } else this.unsaved.set(document.id, answer);
  }

  async placed(): Promise<ReadonlySet<string>> {
    return new Set(list(await this.settings.get(PLACED)));
  }

  async rememberPlaced(path: string): Promise<void> {
    const before = [...(await this.placed())].filter((one) => one !== path);
    await this.settings.set(PLACED, JSON.stringify([...before, path].slice(-500)));
  }

  private async moved(token: string): Promise<string | null> {
    const { localFileSystem } = this.modules.uxp.storage;
    try {
      return localFileSystem.getNativePath(await localFileSystem.getEntryForPersistentToken(token));
    } catch {
      return null; // tokens go stale; the person is asked again
    }
  }
}

const PLACED = "placed";

function keyOf(document: OpenDocument): string {
  return `clip:${document.path}`;
}

function isSaved(document: OpenDocument): boolean {
  return isFullPath(document.path) && !isMovie(document.path);
}

function parsed(text: string | null): Answer | null {
  const value = json(text);
  if (typeof value !== "object" || value === null || !("path" in value) || typeof value.path !== "string") return null;
  return { path: value.path, token: "token" in value && typeof value.token === "string" ? value.token : null };
}

function list(text: string | null): string[] {
  const value = json(text);
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}

function json(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
