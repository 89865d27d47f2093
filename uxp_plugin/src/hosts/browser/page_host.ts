/** The page as a host: any image editor's, through files. */

import type { Bridge } from "../../bridge/api.ts";
import type { Say } from "../../panel/strings.ts";
import { HostError } from "../host.ts";
import type { ClipSource, Host, Imported, Picture, Scene, Settings } from "../host.ts";
import { frameOf } from "./frames.ts";
import { pngHeader } from "../png.ts";

/** A clip of the page: one that the bridge reads by its path, or one that only this page has. */
export interface PageClip {
  readonly source: ClipSource;
  readonly file: File | null;
}

export interface Edit {
  readonly file: File;
  /** For an image element, as long as it is this edit. */
  readonly url: string;
  readonly frame: number | null;
}

/** A mask that can be had as gray rows: one that was painted. */
export interface Painted {
  readonly width: number;
  readonly height: number;
  /** One byte for each pixel; null where nothing was painted. */
  gray(): Uint8Array | null;
}

export class PageHost implements Host {
  readonly name = "Browser page";
  clip: PageClip | null = null;
  edit: Edit | null = null;
  maskFile: File | null = null;
  painted: Painted | null = null;
  /** Where the page shows a path, and asks for one. */
  onReveal: (path: string) => void = () => undefined;
  onAsk: () => void = () => undefined;
  onUpload: (part: number | null) => void = () => undefined;
  readonly #heard = new Set<() => void>();
  readonly #uploads = new Map<File, Promise<string>>();

  constructor(
    readonly settings: Settings,
    readonly bridge: Bridge,
    readonly say: Say,
  ) {
    bridge.on("link", (link) => {
      if (link.state !== "connected") {
        this.#uploads.clear(); // the bridge kept them for that connection
      }
    });
  }

  // What the page does

  openPath(path: string): void {
    const name = path.split(/[\\/]/).pop() ?? path;
    this.#open({ source: { path, name, from: "typed" }, file: null });
  }

  openFile(file: File): void {
    const path = `upload:${crypto.randomUUID()}`; // never that of another file, also after a reload
    this.#open({ source: { path, name: file.name, from: "uploaded" }, file });
  }

  #open(clip: PageClip): void {
    this.clip = clip;
    this.#forgetEdit();
    this.maskFile = null;
    this.tell();
  }

  /** Take a picture as the edited frame. Throws a HostError for what is none. */
  async takeEdit(file: File, frame: number | null = frameOf(file.name)): Promise<void> {
    await this.#picture(file);
    this.#forgetEdit();
    this.edit = { file, url: URL.createObjectURL(file), frame };
    this.tell();
  }

  /** Take a picture as the mask. Throws a HostError for what is none. */
  async takeMask(file: File): Promise<void> {
    await this.#picture(file);
    this.maskFile = file;
    this.tell();
  }

  dropMask(): void {
    this.maskFile = null;
    this.tell();
  }

  /** A clip's grant on this connection; what only the page has is sent again after a connection was lost. */
  grant(clip: ClipSource): Promise<string> {
    if (clip.from !== "uploaded") {
      return this.bridge.grant(clip.path);
    }
    const file = this.clip?.source.path === clip.path ? this.clip.file : null;
    if (file === null) {
      return Promise.reject(new HostError("browser.no_clip", this.say("page.no_clip"), this.say("page.no_clip.hint")));
    }
    const known = this.#uploads.get(file);
    if (known !== undefined) {
      return known;
    }
    this.onUpload(0);
    const sent = this.bridge.upload(file.name, file, (done) => this.onUpload(file.size === 0 ? 1 : done / file.size));
    this.#uploads.set(file, sent);
    const over = (): void => this.onUpload(null);
    sent.then(over, () => {
      this.#uploads.delete(file);
      over();
    });
    return sent;
  }

  tell(): void {
    Array.from(this.#heard).forEach((heard) => heard());
  }

  #forgetEdit(): void {
    if (this.edit !== null) {
      URL.revokeObjectURL(this.edit.url);
      this.edit = null;
    }
  }

  // What the panel asks

  /** The address's port counts, and the token came by a code. */
  async discover(): Promise<{ port: number | null; token: string | null }> {
    return { port: null, token: null };
  }

  async look(): Promise<Scene> {
    const { clip, edit, maskFile, say } = this;
    return {
      document: say("page.document"),
      clip: clip?.source ?? null,
      frame: edit?.frame ?? null,
      mask: maskFile?.name ?? (this.#isPainted() ? say("page.mask.painted") : null),
      thumbnail: edit?.url ?? null,
      notes: clip === null || edit !== null ? [] : [`${say("page.no_edit")} ${say("page.no_edit.hint")}`],
    };
  }

  async edited(): Promise<Picture> {
    if (this.edit === null) {
      throw new HostError("browser.no_edit", this.say("page.no_edit"), this.say("page.no_edit.hint"));
    }
    return this.#picture(this.edit.file);
  }

  async chooseClip(): Promise<ClipSource | null> {
    this.onAsk();
    return null; // the page tells when there is another clip
  }

  async bringIn(): Promise<Imported> {
    return { rung: this.say("page.rung"), todo: null };
  }

  async reveal(path: string): Promise<void> {
    this.onReveal(path);
  }

  onChange(changed: () => void): () => void {
    this.#heard.add(changed);
    return () => this.#heard.delete(changed);
  }

  #isPainted(): boolean {
    return this.painted !== null && this.painted.gray() !== null;
  }

  async mask(): Promise<Picture | null> {
    if (this.maskFile !== null) {
      return this.#picture(this.maskFile);
    }
    const gray = this.painted?.gray() ?? null;
    if (this.painted === null || gray === null) {
      return null;
    }
    const { width, height } = this.painted;
    return picture("raw", gray, { width, height, channels: 1, bits: 8 });
  }

  /** A file as a picture for the bridge: a PNG as it is, what else the browser can read as a PNG of 8 bits. */
  async #picture(file: File): Promise<Picture> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const header = pngHeader(bytes);
    if (header !== null) {
      return picture("png", bytes, header);
    }
    const converted = await asPng(file).catch(() => null);
    const read = converted === null ? null : pngHeader(converted);
    if (converted === null || read === null) {
      throw new HostError(
        "browser.not_picture",
        this.say("page.not_picture", { file: file.name }),
        this.say("page.not_picture.hint"),
      );
    }
    return picture("png", converted, read);
  }
}

const BAND = 1 << 20;

function picture(
  kind: Picture["kind"],
  bytes: Uint8Array,
  size: Pick<Picture, "width" | "height" | "channels" | "bits">,
): Picture {
  return {
    kind,
    size: bytes.length,
    ...size,
    profile: null,
    async *bands() {
      for (let at = 0; at < bytes.length; at += BAND) {
        yield bytes.subarray(at, at + BAND);
      }
    },
  };
}

async function asPng(file: File): Promise<Uint8Array | null> {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  return blob === null ? null : new Uint8Array(await blob.arrayBuffer());
}
