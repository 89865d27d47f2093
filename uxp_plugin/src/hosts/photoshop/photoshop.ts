/** Photoshop as the panel's host. Not yet run in Photoshop: HOSTS.md lists what is to be checked there. */

import type { ClipSource, Host, Imported, Picture, ResultFiles, Scene, Settings } from "../host.ts";
import { HostError } from "../host.ts";
import { modal } from "./commands.ts";
import { MOVIES, TIMELINE_EVENTS } from "./descriptors.ts";
import { faults, reason } from "./faults.ts";
import { folderOf, nameOf } from "./files.ts";
import { exportOf, imagedFrame, savedFrame, stateOf } from "./frame.ts";
import { firstMask, places } from "./mask.ts";
import type { Modules, OpenDocument } from "./modules.ts";
import { bringIn } from "./reimport.ts";
import { allLayers, candidates, findSource, Memory, NOTHING, type Found } from "./source.ts";
import { discover, storedSettings } from "./storage.ts";
import { thumbnail } from "./thumbnail.ts";
import { clipFrame, placeOf, readFrame, readTimeline, type ClipFacts } from "./timeline.ts";

const CHANGES = [
  "select",
  "open",
  "close",
  "save",
  "set",
  "make",
  "delete",
  "historyStateChanged",
  "placeEvent",
  "show",
  "hide",
  "move",
  "paste",
  "invert",
  "inverse",
  "deselect",
  "newPlacedLayer",
  "convertMode",
  "placedLayerRelinkToFile",
  ...TIMELINE_EVENTS,
];
const PLAYHEAD_SECONDS = 2;

export interface PhotoshopHost extends Host {
  /** Asks for a clip and opens it as a document whose timeline is the clip's; null when the person refuses. */
  openClip(facts: (path: string) => Promise<ClipFacts | null>): Promise<ClipSource | null>;
}

/** A document that was opened with Videoshop. */
interface Opened {
  readonly path: string;
  readonly facts: ClipFacts | null;
  untouched: boolean;
}

export function photoshopHost(modules: Modules, local: Storage): PhotoshopHost {
  return new InPhotoshop(modules, storedSettings(local, modules.uxp.storage.secureStorage));
}

class InPhotoshop implements PhotoshopHost {
  readonly name: string;
  private readonly memory: Memory;
  private readonly opened = new Map<number, Opened>();
  /** What was read last, and whether a mask came with it. */
  private masks: { state: string; picture: Picture | null } | null = null;
  private exported: number | null = null;
  private maskNotes: readonly string[] = [];
  /** Why frames are saved as PNG instead of read; null while imaging works. */
  private imagingFault: string | null = null;

  constructor(
    private readonly modules: Modules,
    readonly settings: Settings,
  ) {
    const version = modules.uxp.host.version.split(".").slice(0, 2).join(".");
    this.name = `Photoshop ${version}`;
    this.memory = new Memory(modules, settings);
    modules.photoshop.listen(TIMELINE_EVENTS, () => this.touch());
  }

  discover(): Promise<{ port: number | null; token: string | null }> {
    return discover(this.modules);
  }

  async look(): Promise<Scene> {
    const document = this.modules.photoshop.activeDocument();
    if (document === null) return { document: null, clip: null, frame: null, mask: null, thumbnail: null, notes: [] };
    const found = await this.source(document);
    const [mask] = await places(this.modules, document, await this.noEdits(document, found));
    const exported = exportOf(document);
    const fault = this.imagingFault === null ? [] : [this.imagingFault];
    const notes = [...found.notes, ...exported.notes, ...this.maskNotes, ...fault];
    return {
      document: document.title,
      clip: found.clip,
      frame: await this.frame(document, found),
      mask: mask?.name ?? null,
      thumbnail: await thumbnail(this.modules, document),
      place: placeOf(await readTimeline(this.modules.photoshop)),
      notes,
    };
  }

  async edited(): Promise<Picture> {
    const document = this.document();
    const masked = (await this.readMask(document)) !== null;
    this.exported = document.id;
    if (this.imagingFault === null) {
      try {
        return this.watched(await imagedFrame(this.modules, document, !masked));
      } catch (error) {
        if (error instanceof HostError) throw error;
        this.imagingFault = `Photoshop's imaging did not give the frame (${reason(error)}); it is saved as PNG instead.`;
      }
    }
    return await savedFrame(this.modules, document);
  }

  async mask(): Promise<Picture | null> {
    const picture = await this.readMask(this.document());
    this.masks = null; // a mask is megabytes; it is read again for the next edit
    return picture;
  }

  async chooseClip(): Promise<ClipSource | null> {
    const document = this.document();
    const { localFileSystem } = this.modules.uxp.storage;
    const entry = await localFileSystem.getFileForOpening({ types: [...MOVIES] });
    if (!entry) return null;
    const path = localFileSystem.getNativePath(entry);
    const token = await localFileSystem.createPersistentToken(entry).catch(() => null);
    await this.memory.remember(document, { path, token });
    return { path, name: nameOf(path), from: "asked" };
  }

  async openClip(facts: (path: string) => Promise<ClipFacts | null>): Promise<ClipSource | null> {
    const { photoshop, uxp } = this.modules;
    const { localFileSystem } = uxp.storage;
    const entry = await localFileSystem.getFileForOpening({ types: [...MOVIES] });
    if (!entry) return null;
    const path = localFileSystem.getNativePath(entry);
    const known = await facts(path);
    const document = await modal(photoshop, `Videoshop opens ${nameOf(path)}`, () => photoshop.open(entry));
    this.opened.set(document.id, { path, facts: known, untouched: true });
    await this.memory.remember(document, { path, token: null });
    return { path, name: nameOf(path), from: "opened" };
  }

  async bringIn(result: ResultFiles): Promise<Imported> {
    const document = this.target();
    const found = document === null ? NOTHING : await this.source(document);
    const target =
      document === null
        ? null
        : { document, layer: found.layer, oneToOne: (await this.frame(document, found)) !== null };
    const { path, ...imported } = await bringIn(this.modules, result, target, (shown) => this.reveal(shown));
    await this.memory.rememberPlaced(path);
    return imported;
  }

  async reveal(path: string): Promise<void> {
    const folder = folderOf(path);
    const fault = await this.modules.uxp.shell.openPath(folder, "Videoshop shows the finished files.").catch(reason);
    if (fault !== "") throw faults.cannotReveal(folder);
  }

  onChange(changed: () => void): () => void {
    const silence = this.modules.photoshop.listen(CHANGES, changed);
    let before: number | null = null;
    const watch = setInterval(() => {
      void readFrame(this.modules.photoshop).then((frame) => {
        if (frame !== before) changed(); // there is no event for a playhead that moves
        before = frame;
      });
    }, PLAYHEAD_SECONDS * 1000);
    return () => {
      clearInterval(watch);
      silence();
    };
  }

  private document(): OpenDocument {
    const document = this.modules.photoshop.activeDocument();
    if (document === null) throw faults.noDocument();
    return document;
  }

  /** Where a result belongs: the document whose frame was sent, while it is open. */
  private target(): OpenDocument | null {
    const open = this.modules.photoshop.documents();
    return open.find(({ id }) => id === this.exported) ?? this.modules.photoshop.activeDocument();
  }

  private source(document: OpenDocument): Promise<Found> {
    return findSource(this.modules, document, this.memory, this.opened.get(document.id)?.path ?? null);
  }

  /** Layers that are no edit: every clip's and every earlier result's. */
  private async noEdits(document: OpenDocument, found: Found): Promise<ReadonlySet<number>> {
    const clips = await candidates(this.modules, document, new Set());
    const videos = allLayers(document.layers).filter(({ kind }) => kind === "video");
    const sources = found.layer === null ? [] : [found.layer];
    return new Set([...clips.map(({ layer }) => layer), ...videos.map(({ id }) => id), ...sources]);
  }

  private async frame(document: OpenDocument, found: Found): Promise<number | null> {
    const opened = this.opened.get(document.id);
    if (opened === undefined || opened.path !== found.clip?.path) return null;
    return clipFrame(await readTimeline(this.modules.photoshop), opened.facts, opened.untouched);
  }

  private async readMask(document: OpenDocument): Promise<Picture | null> {
    const selected = document.activeLayers.map(({ id }) => id).join(",");
    const state = `${await stateOf(this.modules.photoshop, document)}/${selected}`;
    if (this.masks?.state !== state) {
      const not = await this.noEdits(document, await this.source(document));
      const { picture, notes } = await firstMask(this.modules, document, await places(this.modules, document, not));
      this.maskNotes = notes;
      this.masks = { state, picture };
    }
    return this.masks.picture;
  }

  /** When a later band fails, the next export goes by PNG at once. */
  private watched(picture: Picture): Picture {
    const failed = (error: unknown): void => {
      if (error instanceof HostError && error.code === "photoshop.frame_unreadable") this.imagingFault = error.message;
    };
    return {
      ...picture,
      async *bands() {
        try {
          yield* picture.bands();
        } catch (error) {
          failed(error);
          throw error;
        }
      },
    };
  }

  /** The event does not say of which document it is; it is of the one in front. */
  private touch(): void {
    const opened = this.opened.get(this.modules.photoshop.activeDocument()?.id ?? -1);
    if (opened !== undefined) opened.untouched = false;
  }
}
