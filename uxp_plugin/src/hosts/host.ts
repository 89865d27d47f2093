/** What the panel asks of the program that it lives in. One implementation each: Photoshop, After Effects, the browser. */

/** Pixels on their way to the bridge, in pieces, so that no more than a band is ever in memory. */
export interface Picture {
  /** `raw`: rows top to bottom, interleaved, straight alpha, 16-bit little-endian 0..65535. `png`: a PNG file's bytes. */
  readonly kind: "raw" | "png";
  readonly size: number;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly bits: 8 | 16;
  /** Name of the colour profile. */
  readonly profile: string | null;
  bands(): AsyncIterable<Uint8Array>;
}

/** The source clip: a path that the bridge can read, and where the host had it from. */
export interface ClipSource {
  readonly path: string;
  readonly name: string;
  /** `linked`, `video layer`, `footage`, `asked`, `typed`: shown to the person. */
  readonly from: string;
}

/** What would be propagated now. */
export interface Scene {
  /** The open document, composition or page; null when there is none. */
  readonly document: string | null;
  readonly clip: ClipSource | null;
  /** Index of the clip's frame that is edited, where the host knows it for sure; else the bridge looks for it. */
  readonly frame: number | null;
  /** Where the mask comes from: a layer mask, the selection, a layer's alpha, a painted one; null: the difference. */
  readonly mask: string | null;
  /** A picture of the edited frame for the panel, as a data: or blob: address. */
  readonly thumbnail: string | null;
  /** The same of the mask, where the host has it at hand. */
  readonly maskThumbnail?: string | null;
  /** When in the document the picture is, in the host's own words; they come back with the result. */
  readonly place?: string | null;
  /** What the person should know: why something is missing, what was assumed. */
  readonly notes: readonly string[];
}

/** How a result came back: which rung of the ladder was used, and what is still to be done by hand. */
export interface Imported {
  readonly rung: string;
  readonly todo: string | null;
}

/** A finished job's files, full paths. */
export interface ResultFiles {
  readonly folder: string;
  readonly layer: string | null;
  readonly flat: string | null;
  /** First source frame of the result. */
  readonly start: number;
  /** The source frame that was edited, and the scene's `place` then; null where the panel does not know them. */
  readonly frame?: number | null;
  readonly place?: string | null;
  readonly fps: string;
  /** The name that the new layer gets. */
  readonly name: string;
  /** Path of the clip that it is of, where the panel submitted it itself. */
  readonly clip?: string | null;
}

/** Strings that outlive the panel. `secret` ones go to the host's secure storage where it has one. */
export interface Settings {
  get(name: string): Promise<string | null>;
  set(name: string, value: string, options?: { secret?: boolean }): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface Host {
  /** As the bridge and the person see it: `Photoshop 26.1`. */
  readonly name: string;
  readonly settings: Settings;
  /** The port and token of the discovery and token files, where the host can read them. */
  discover(): Promise<{ port: number | null; token: string | null }>;
  /** Looks, changes nothing. */
  look(): Promise<Scene>;
  edited(): Promise<Picture>;
  /** The mask, white where edited, as large as the frame; null: the bridge takes the difference. */
  mask(): Promise<Picture | null>;
  /** Asks the person for the clip and remembers the answer for this document; null when they refuse. */
  chooseClip(): Promise<ClipSource | null>;
  /** Brings a result in; throws a HostError when no rung carries it. */
  bringIn(result: ResultFiles): Promise<Imported>;
  reveal(path: string): Promise<void>;
  /** Calls back when the scene may have changed; returns how to stop. */
  onChange(changed: () => void): () => void;
}

/** What a host refuses or fails at: a sentence for the person and one that says what to do. */
export class HostError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
    this.name = "HostError";
  }
}
