/** batchPlay: the commands that the panel plays, as far as anybody knows what Photoshop does with them. */

import { existsSync } from "node:fs";
import { basename } from "node:path";
import { flat, freeLayerId, layerOf, type SimDocument, type SimLayer } from "./documents.ts";

export interface Command {
  readonly _obj: string;
  readonly [key: string]: unknown;
}

export interface World {
  active(): SimDocument;
  document(id: number): SimDocument;
  activate(id: number): void;
  /** The path behind a session token; null when the plugin has no such token. */
  pathOf(token: unknown): string | null;
  /** How many frames the movie at a path has; null: Photoshop does not take it. */
  framesOf(path: string): number | null;
  placed(path: string): void;
}

/** A failed command: batchPlay resolves with it. */
export class Failed extends Error {
  constructor(
    message: string,
    readonly result = -25920,
  ) {
    super(message);
  }
}

const READS = new Set(["get", "multiGet"]);

export function changesState(command: Command): boolean {
  return !READS.has(command._obj);
}

export function perform(command: Command, world: World): Command {
  switch (command._obj) {
    case "get":
      return got(command, world);
    case "select":
      return selected(command, world);
    case "placeEvent":
      return placed(command, world);
    case "moveInTime":
      return moved(command, world, ({ start, end, content }, by) => ({
        start: within(start + by, 0, end - 1),
        end,
        content,
      }));
    case "moveOutTime":
      return moved(command, world, ({ start, end, content }, by) => ({
        start,
        end: within(end + by, start + 1, start + content),
        content,
      }));
    case "moveAllTime":
      return moved(command, world, ({ start, end, content }, by) => {
        const to = Math.max(0, start + by);
        return { start: to, end: to + end - start, content };
      });
    default:
      throw new Failed(`The command "${command._obj}" is not currently available.`, -25920);
  }
}

interface Reference {
  readonly _ref?: string;
  readonly _id?: number;
  readonly _property?: string;
}

function targets(command: Command): Map<string, Reference> {
  const listed = Array.isArray(command._target) ? (command._target as Reference[]) : [];
  return new Map(listed.map((one) => [one._ref ?? "", one]));
}

function got(command: Command, world: World): Command {
  const target = targets(command);
  const property = target.get("property")?._property;
  const documentId = target.get("document")?._id;
  const document = documentId === undefined ? world.active() : world.document(documentId);
  if (target.has("timeline")) return timelineProperty(document, property);
  const layerId = target.get("layer")?._id;
  if (layerId !== undefined) {
    const layer = layerOf(document, layerId);
    if (layer === undefined) throw new Failed('The object "layer" is not currently available.', -25922);
    const described = describedLayer(layer);
    return property === undefined ? described : ({ _obj: "object", [property]: described[property] } as Command);
  }
  if (property === "selection")
    return document.selection === null ? { _obj: "object" } : { _obj: "object", selection: { _obj: "rectangle" } };
  throw new Failed("The requested property does not exist.", -1728);
}

function timelineProperty({ timeline }: SimDocument, property: string | undefined): Command {
  if (timeline === null) throw new Failed('The object "timeline" is not currently available.', -25922);
  const { rate, frames, frame } = timeline;
  const nominal = Math.round(rate);
  const timecode: Record<string, unknown> = { _obj: "timecode", frameRate: rate };
  if (frame % nominal > 0) timecode.frame = frame % nominal; // keys that would be 0 may be absent
  if (frame >= nominal) timecode.seconds = Math.floor(frame / nominal);
  if (property === "time") return { _obj: "object", time: timecode };
  if (property === "frameRate") return { _obj: "object", frameRate: rate };
  if (property === "frameCount") return { _obj: "object", frameCount: frames };
  throw new Failed("The requested property does not exist.", -1728);
}

function describedLayer(layer: SimLayer): Command {
  return {
    _obj: "layer",
    layerID: layer.id,
    name: layer.name,
    hasUserMask: layer.mask !== undefined,
    ...(layer.kind === "smartObject"
      ? {
          smartObject: {
            _obj: "smartObject",
            linked: layer.link !== undefined,
            ...(layer.link === undefined ? {} : { link: { _path: layer.link, _kind: "local" } }),
          },
          smartObjectMore: { _obj: "smartObjectMore" },
        }
      : {}),
    ...(layer.kind === "video" ? { videoLayer: layer.video ?? {} } : {}),
  };
}

function selected(command: Command, world: World): Command {
  const target = targets(command);
  const documentId = target.get("document")?._id;
  if (documentId !== undefined) {
    world.activate(documentId);
    return { _obj: "select" };
  }
  const layerId = target.get("layer")?._id;
  const document = world.active();
  if (layerId === undefined || layerOf(document, layerId) === undefined)
    throw new Failed('The object "layer" is not currently available.', -25922);
  document.active = [layerId];
  return { _obj: "select" };
}

function placed(command: Command, world: World): Command {
  const file = command.null as { _path?: unknown } | undefined;
  const path = world.pathOf(file?._path);
  if (path === null || !existsSync(path))
    throw new Failed("Could not place the document because the file could not be found.", -43);
  const frames = world.framesOf(path);
  if (frames === null)
    throw new Failed("Could not place the document because it is not the right kind of document.", -25010);
  const document = world.active();
  const layer: SimLayer = {
    id: freeLayerId(document),
    name: basename(path).replace(/\.[^.]+$/, ""),
    visible: true,
    kind: "smartObject",
    ...(command.linked === true ? { link: path } : {}),
    clip: { start: document.timeline?.frame ?? 0, end: (document.timeline?.frame ?? 0) + frames, content: frames },
  };
  const above = document.layers.findIndex(({ id }) => document.active.includes(id));
  document.layers.splice(Math.max(0, above), 0, layer);
  document.active = [layer.id];
  world.placed(path);
  return { _obj: "placeEvent", ID: layer.id };
}

type Clip = NonNullable<SimLayer["clip"]>;

function moved(command: Command, world: World, change: (clip: Clip, by: number) => Clip): Command {
  const document = world.active();
  const layer = flat(document.layers).find(({ id }) => document.active.includes(id));
  const offset = command.timeOffset as { seconds?: number; frame?: number; frameRate?: number } | undefined;
  if (layer?.clip === undefined || document.timeline === null || offset === undefined) {
    throw new Failed(`The command "${command._obj}" is not currently available.`);
  }
  layer.clip = change(layer.clip, (offset.seconds ?? 0) * Math.round(offset.frameRate ?? 0) + (offset.frame ?? 0));
  return { _obj: command._obj };
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
