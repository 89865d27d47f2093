/**
 * Everything that the panel says to Photoshop and that Adobe does not document, in one place: where it is known from,
 * and how a person with Photoshop checks it (HOSTS.md walks through the list). Not yet run in Photoshop.
 *
 * "Record" below means: Plugins > Development > Record Action Commands, do it by hand, read the file that it writes.
 */

import type { Descriptor } from "./modules.ts";

export interface Evidence {
  readonly source: string;
  readonly check: string;
}

/** Each undocumented thing's evidence; the names are those of the functions and lists below. */
export const EVIDENCE = {
  timelineProperty: {
    source: "schroef/AnimDessin2 jsx/hostscript.jsx: get property of timeline/targetEnum; frameRate, frameCount, time",
    check: "With a video open, play it for time, frameRate and frameCount at frames 0, 1 and 31 of a 30 fps clip.",
  },
  layer: {
    source: "adobe-photoshop/spaces-design src/js/actions/sampler.js: a layer's full descriptor by id",
    check: "Play it for a linked smart object that holds a video; look for smartObject.link._path.",
  },
  hasUserMask: {
    source: "common in published UXP plugins: property hasUserMask of a layer",
    check: "Play it for a layer with and without a mask: true, and false or an error.",
  },
  selection: {
    source: "common in published UXP plugins: property selection of the document, absent when nothing is selected",
    check: "Play it with and without a selection.",
  },
  selectLayer: {
    source: "recorded by Photoshop itself whenever a layer is clicked: select layer by _id",
    check: "Record a click on a layer.",
  },
  selectDocument: {
    source: "recorded by Photoshop itself whenever another document's tab is clicked: select document by _id",
    check: "Start a job, go to another document, and see that the result lands in the first.",
  },
  placeLinked: {
    source: "common in published UXP plugins for images: placeEvent with linked:true; not shown for a movie",
    check: "Place a .mov with alpha and an .mp4; record File > Place Linked to compare.",
  },
  moveInTime: {
    source: "horshack-dpreview/Photoshop-Timeline-Layer-Resizer: timeOffset, relative, on the selected layer",
    check: "Record dragging a clip's start on the timeline.",
  },
  moveOutTime: {
    source: "horshack-dpreview/Photoshop-Timeline-Layer-Resizer: timeOffset, relative, on the selected layer",
    check: "Record dragging a clip's end on the timeline.",
  },
  moveAllTime: {
    source: "horshack-dpreview/Photoshop-Timeline-Layer-Resizer: timeOffset, relative, on the selected layer",
    check: "Record dragging a whole clip on the timeline; see whether a huge negative offset stops at 0.",
  },
  videoLayerPath: {
    source:
      "AnimDessin2 AnimD2_applyToAllLayers.jsx knows the key videoLayer; no dump of its content was ever published",
    check: "Open a video with File > Open, play `layer` for its layer, and look for the file's path anywhere in it.",
  },
  TIMELINE_EVENTS: {
    source: "names in a published list of event listeners; parameters unknown",
    check: "Listen to all events in developer mode, trim, split, move and re-time a clip.",
  },
  fileAddresses: {
    source: 'mikechambers/adb-mcp uses "file:" + path as it is; whether spaces must be written %20 is not documented',
    check: "Read a result whose folder has a space in its name.",
  },
  MASK_OUTSIDE: {
    source: "the imaging reference says that bounds are trimmed, not what a mask is outside of them",
    check: "Read a mask made with Reveal All and with Hide All, both painted on in the middle only.",
  },
} as const satisfies Record<string, Evidence>;

const TIMELINE = { _ref: "timeline", _enum: "ordinal", _value: "targetEnum" };

export function timelineProperty(property: "time" | "frameRate" | "frameCount"): Descriptor {
  return { _obj: "get", _target: [{ _property: property, _ref: "property" }, TIMELINE] };
}

export function layer(document: number, id: number): Descriptor {
  return { _obj: "get", _target: [layerOf(id), documentOf(document)] };
}

export function hasUserMask(document: number, id: number): Descriptor {
  return { _obj: "get", _target: [{ _property: "hasUserMask", _ref: "property" }, layerOf(id), documentOf(document)] };
}

export function selection(document: number): Descriptor {
  return { _obj: "get", _target: [{ _property: "selection", _ref: "property" }, documentOf(document)] };
}

export function selectLayer(id: number): Descriptor {
  return { _obj: "select", _target: [layerOf(id)], makeVisible: false };
}

export function selectDocument(id: number): Descriptor {
  return { _obj: "select", _target: [documentOf(id)] };
}

/** `token` is a session token of the file. What is placed lies above the selected layer and is selected. */
export function placeLinked(token: string): Descriptor {
  return { _obj: "placeEvent", null: { _path: token, _kind: "local" }, linked: true };
}

export type Move = "moveInTime" | "moveOutTime" | "moveAllTime";

/** Moves the start, the end or all of the selected layer by so many frames. */
export function move(what: Move, frames: number, rate: number): Descriptor {
  return { _obj: what, timeOffset: { _obj: "timecode", seconds: 0, frame: frames, frameRate: rate } };
}

/** Further than any timeline is long: as an offset it means "as far as it goes". */
export const FAR = 1_000_000;

/** A layer of `frames` frames that starts at `start`, by moves that are only relative. */
export function alignment(start: number, frames: number, rate: number): Descriptor[] {
  return [
    move("moveInTime", -FAR, rate),
    move("moveOutTime", -FAR, rate),
    move("moveOutTime", frames - 1, rate),
    move("moveAllTime", start, rate),
  ];
}

/** After any of these a timeline's frame may be another frame of the clip than before. */
export const TIMELINE_EVENTS = [
  "moveInTime",
  "moveOutTime",
  "moveAllTime",
  "splitVideoLayer",
  "replaceFootage",
  "interpretFootage",
  "documentTimelineSettings",
  "addClipsToTimeline",
  "addVideoLayer",
] as const;

/** What a mask is where no pixels of it were given: black, not edited. */
export const MASK_OUTSIDE = 0;

/** The file of a linked smart object, from its layer's descriptor; null for another layer or an embedded one. */
export function linkedPath(described: Descriptor): string | null {
  const link = member(member(described, "smartObject"), "link");
  const path = typeof link === "string" ? link : member(link, "_path");
  return typeof path === "string" && path !== "" ? nativePath(path) : null;
}

/** The file of a video layer, wherever its descriptor has it: the one movie's full path in it. */
export function videoLayerPath(described: Descriptor): string | null {
  const found = new Set<string>();
  const search = (value: unknown): void => {
    if (typeof value === "string" && isFullPath(value) && isMovie(value)) found.add(nativePath(value));
    else if (typeof value === "object" && value !== null) Object.values(value).forEach(search);
  };
  search(member(described, "videoLayer"));
  const [path] = found;
  return found.size === 1 && path !== undefined ? path : null;
}

/** Addresses of a file to try in turn. */
export function fileAddresses(path: string): string[] {
  const forward = path.replace(/\\/g, "/");
  const address = `file:${forward.startsWith("/") ? "" : "/"}${forward}`;
  const encoded = encodeURI(address).replace(/#/g, "%23").replace(/\?/g, "%3F");
  return encoded === address ? [address] : [address, encoded];
}

export const MOVIES = ["mp4", "mov", "m4v", "mkv", "avi", "mxf", "webm", "mpg", "mpeg", "mts", "m2ts"] as const;

export function isMovie(path: string): boolean {
  const ending = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase();
  return MOVIES.some((one) => one === ending);
}

export function isFullPath(path: string): boolean {
  return /^(\/|[A-Za-z]:[\\/]|\\\\|file:)/.test(path);
}

/** A `file:` address as the path that the system knows; a path as it is. */
export function nativePath(path: string): string {
  if (!path.startsWith("file:")) return path;
  const plain = decodeURI(path.replace(/^file:(\/\/)?/, ""));
  return /^\/[A-Za-z]:/.test(plain) ? plain.slice(1) : plain;
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function layerOf(id: number): { _ref: string; _id: number } {
  return { _ref: "layer", _id: id };
}

function documentOf(id: number): { _ref: string; _id: number } {
  return { _ref: "document", _id: id };
}
