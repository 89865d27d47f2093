/** What stands beside the panel in a browser: the clip, its frames, the edited picture, the mask. */

import type { Bridge } from "../../bridge/api.ts";
import { attribute, button, field, make, picture, put, reveal, tick } from "../../panel/dom.ts";
import type { Say } from "../../panel/strings.ts";
import { faultView } from "../../panel/view/fault.ts";
import type { Words } from "../../panel/view/section.ts";
import { complaintOf, percent } from "../../panel/words.ts";
import { frameName, isVideo } from "./frames.ts";
import type { PageHost } from "./page_host.ts";
import { MaskCanvas } from "./paint.ts";
import { Scrub } from "./scrub.ts";
import { savePicker, watch } from "./watch.ts";

export function save(name: string, bytes: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)]));
  const link = make("a", { attributes: { href: url, download: name } });
  document.body.appendChild(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
}

export class Stage {
  readonly element = make("div", { className: "stage" });
  readonly #host: PageHost;
  readonly #bridge: Bridge;
  readonly #say: Say;
  readonly #scrub: Scrub;
  readonly #fault: ReturnType<typeof faultView>;
  readonly #canvas: MaskCanvas;
  #grant: string | null = null;
  #opened: string | null = null;
  #frames = 0;
  #frame = 0;
  #showing: "clip" | "edited" = "clip";
  #frameUrl: string | null = null;
  #watching: { readonly name: string; stop(): void } | null = null;
  #draw: () => void = () => undefined;

  constructor(host: PageHost, bridge: Bridge, words: Words) {
    this.#host = host;
    this.#bridge = bridge;
    this.#say = words.say;
    this.#fault = faultView(words, "alert");
    this.#scrub = new Scrub(
      bridge,
      (_, url) => {
        this.#frameUrl = url;
        this.#draw();
      },
      (thrown) => this.#complain(thrown),
    );
    this.#canvas = new MaskCanvas(() => host.tell());
    host.painted = this.#canvas;
    this.element.append(this.#clipPart(), this.#fault.element, this.#framePart());
    host.onChange(() => void this.#changed());
    bridge.on("link", (link) => {
      if (link.state === "connected") {
        void this.#read();
      } else {
        this.#grant = null;
        this.#scrub.open(null, true);
      }
    });
    this.#takeDrops();
    this.#draw();
  }

  // The clip

  #clipPart(): HTMLElement {
    const say = this.#say;
    const path = field(say("page.path"), { spellcheck: "false", class: "wide" }, { submitted: (typed) => open(typed) });
    const open = (typed: string): void => {
      if (typed !== "") {
        this.#host.openPath(typed.replace(/^"(.*)"$/, "$1")); // as Windows copies a path
      }
    };
    const file = fileButton(say("page.file"), "video/*,.mkv,.mxf", (chosen) => this.#host.openFile(chosen));
    const sending = make("p", { className: "vs-faint", attributes: { role: "status" } });
    put(sending, null);
    this.#host.onUpload = (part) => {
      const clip = this.#host.clip?.source.name ?? "";
      put(sending, part === null ? null : say("page.uploading", { clip, percent: percent(part) }));
    };
    this.#host.onAsk = () => path.input.focus();
    const opening = button(say("page.path.open"), () => open(path.input.value.trim()));
    return make(
      "section",
      { className: "clip" },
      make("h2", { text: say("page.clip") }),
      make("div", { className: "vs-line" }, path.element, opening, ...file),
      make("p", { className: "vs-hint", text: say("page.drop") }),
      sending,
    );
  }

  async #changed(): Promise<void> {
    const path = this.#host.clip?.source.path ?? null;
    if (path !== this.#opened) {
      this.#opened = path;
      this.#grant = null;
      this.#frames = 0;
      this.#frame = 0;
      this.#frameUrl = null;
      this.#showing = "clip";
      this.#scrub.open(null, false);
      this.#watching?.stop();
      this.#watching = null;
      this.#fault.show(null);
      this.#draw();
      await this.#read();
    }
    this.#draw();
  }

  async #read(): Promise<void> {
    const clip = this.#host.clip;
    if (clip === null) {
      return;
    }
    try {
      const grant = await this.#host.grant(clip.source);
      const { frames, width, height } = (await this.#bridge.probe(grant)).data;
      if (this.#host.clip !== clip) {
        return;
      }
      const again = this.#frames > 0;
      this.#grant = grant;
      this.#frames = frames;
      if (!again) {
        this.#canvas.resize(width, height);
      }
      this.#scrub.open(grant, again);
      this.#scrub.show(this.#frame);
    } catch {
      // The panel reads the same clip, and says there why it cannot be used.
    }
    this.#draw();
  }

  // The frame, the edit, the mask

  #framePart(): HTMLElement {
    const say = this.#say;
    const image = make("img", { className: "picture" });
    const box = make("div", { className: "box" }, image, this.#canvas.element);

    const slider = make("input", { attributes: { type: "range", min: "0", step: "1", "aria-label": say("page.scrub") } });
    slider.addEventListener("input", () => this.#go(Number(slider.value)));
    const number = field(
      say("page.frame"),
      { inputmode: "numeric", maxlength: "9" },
      { entered: (typed) => /^\d+$/.test(typed) && this.#go(Number(typed)) },
    );
    const shows = (["clip", "edited"] as const).map((what) =>
      tick("radio", say(`page.show.${what}`), { name: "shown", value: what }, () => {
        this.#showing = what;
        this.#draw();
      }),
    );
    const showing = make(
      "div",
      { className: "vs-ticks", attributes: { role: "radiogroup", "aria-label": say("page.show") } },
      ...shows.map(({ element }) => element),
    );

    const download = button(say("page.download"), () => void this.#download());
    const picker = savePicker(window);
    const saveAndWatch = button(say("page.watch"), () => void this.#saveAndWatch());
    reveal(saveAndWatch, picker !== null);
    const unwatch = button(say("page.watching.end"), () => this.#unwatch());
    const watching = make("p", { className: "vs-good", attributes: { role: "status" } });
    const chooseEdit = fileButton(say("page.edited"), "image/*", (file) => void this.#takeEdit(file));
    const edited = make("p", { className: "vs-strong" });

    const paint = button(say("page.mask.paint"), () => {
      painting = !painting;
      this.#draw();
    });
    const erase = button(say("page.mask.erase"), () => {
      this.#canvas.erasing = !this.#canvas.erasing;
      this.#draw();
    });
    const clear = button(say("page.mask.clear"), () => {
      this.#canvas.clear();
      this.#host.dropMask();
    });
    const size = make("input", { attributes: { type: "range", min: "2", max: "300", "aria-label": say("page.mask.size") } });
    size.value = String(this.#canvas.brush);
    size.addEventListener("input", () => {
      this.#canvas.brush = Number(size.value);
    });
    const brush = make("label", { className: "vs-field" }, make("span", { className: "vs-label", text: say("page.mask.size") }), size);
    const chooseMask = fileButton(say("page.mask.file"), "image/*", (file) => void this.#takeMask(file));
    const maskZone = make(
      "div",
      { className: "mask-zone" },
      make("h2", { text: say("page.mask") }),
      make("p", { className: "vs-hint", text: say("page.mask.hint") }),
      make("div", { className: "vs-buttons" }, paint, erase, clear, ...chooseMask),
      brush,
    );
    dropZone(maskZone, (file) => void this.#takeMask(file));
    let painting = false;

    const element = make(
      "section",
      { className: "frame" },
      make("h2", { text: say("page.frame") }),
      showing,
      box,
      slider,
      make("div", { className: "vs-line" }, number.element, download, saveAndWatch),
      make("p", { className: "vs-hint", text: say("page.edited.drop") }),
      edited,
      make("div", { className: "vs-line" }, watching, unwatch),
      make("div", { className: "vs-buttons" }, ...chooseEdit),
      maskZone,
    );

    this.#draw = () => {
      const { clip, edit } = this.#host;
      reveal(element, clip !== null && this.#frames > 0);
      attribute(slider, "max", String(Math.max(0, this.#frames - 1)));
      if (slider.value !== String(this.#frame)) {
        slider.value = String(this.#frame);
      }
      number.show(String(this.#frame));
      reveal(showing, edit !== null);
      shows.forEach(({ input }) => {
        input.checked = input.value === this.#showing;
      });
      if (this.#showing === "edited" && edit !== null) {
        picture(image, edit.url, say("page.picture.edited"));
      } else {
        picture(image, this.#frameUrl, say("page.picture", { frame: this.#frame, clip: clip?.source.name ?? "" }));
      }
      put(edited, edit === null ? say("page.edited.none") : say("page.edited.is", { file: edit.file.name }));
      put(watching, this.#watching === null ? null : say("page.watching", { file: this.#watching.name }));
      reveal(unwatch, this.#watching !== null);
      download.disabled = this.#grant === null;
      saveAndWatch.disabled = this.#grant === null;
      attribute(paint, "aria-pressed", String(painting));
      attribute(erase, "aria-pressed", String(this.#canvas.erasing));
      reveal(erase, painting);
      reveal(brush, painting);
      box.classList.toggle("painting", painting);
    };
    return element;
  }

  #go(frame: number): void {
    this.#frame = Math.min(Math.max(0, this.#frames - 1), Math.max(0, frame));
    this.#showing = "clip";
    this.#scrub.show(this.#frame);
    this.#draw();
  }

  async #exact(): Promise<{ name: string; bytes: Uint8Array; frame: number } | null> {
    const clip = this.#host.clip;
    if (this.#grant === null || clip === null) {
      return null;
    }
    const frame = this.#frame;
    const bytes = await this.#bridge.frame(this.#grant, frame, false);
    return { name: frameName(clip.source.name, frame), bytes, frame };
  }

  #download(): Promise<void> {
    return this.#guarded(async () => {
      const exact = await this.#exact();
      if (exact !== null) {
        save(exact.name, exact.bytes);
      }
    });
  }

  /** The dialogue comes first: a browser shows it only right after a click. */
  #saveAndWatch(): Promise<void> {
    return this.#guarded(async () => {
      const picker = savePicker(window);
      const clip = this.#host.clip;
      if (picker === null || clip === null) {
        return;
      }
      const frame = this.#frame;
      const types = [{ description: "PNG", accept: { "image/png": [".png"] } }];
      const handle = await picker({ suggestedName: frameName(clip.source.name, frame), types });
      const exact = await this.#exact();
      if (exact === null) {
        return;
      }
      const file = await handle.createWritable();
      await file.write(exact.bytes);
      await file.close();
      this.#watching?.stop();
      const stop = watch(
        handle,
        (saved) => void this.#takeEdit(saved, exact.frame),
        (thrown) => {
          this.#unwatch();
          this.#complain(thrown);
        },
      );
      this.#watching = { name: handle.name, stop };
      this.#draw();
    });
  }

  #unwatch(): void {
    this.#watching?.stop();
    this.#watching = null;
    this.#draw();
  }

  #takeEdit(file: File, frame?: number): Promise<void> {
    return this.#guarded(async () => {
      await (frame === undefined ? this.#host.takeEdit(file) : this.#host.takeEdit(file, frame));
      this.#showing = "edited";
      this.#draw();
    });
  }

  #takeMask(file: File): Promise<void> {
    return this.#guarded(() => this.#host.takeMask(file));
  }

  #takeDrops(): void {
    dropZone(document.documentElement, (file) => {
      if (isVideo(file)) {
        this.#host.openFile(file);
      } else {
        void this.#takeEdit(file);
      }
    });
  }

  async #guarded(act: () => Promise<void>): Promise<void> {
    this.#fault.show(null);
    try {
      await act();
    } catch (thrown) {
      if (!(thrown instanceof DOMException && thrown.name === "AbortError")) {
        this.#complain(thrown); // a dialogue that was closed is no fault
      }
    }
  }

  #complain(thrown: unknown): void {
    this.#fault.show(complaintOf(thrown, this.#say));
  }
}

/** A button that opens the browser's dialogue for a file. */
function fileButton(text: string, accept: string, chosen: (file: File) => void): readonly HTMLElement[] {
  const input = make("input", { className: "vs-hidden", attributes: { type: "file", accept, "aria-label": text, tabindex: "-1" } });
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file !== undefined) {
      chosen(file);
    }
    input.value = ""; // the same file may be chosen again
  });
  return [button(text, () => input.click()), input];
}

function dropZone(zone: HTMLElement, dropped: (file: File) => void): void {
  let over = 0;
  const mark = (by: number): void => {
    over = by === 0 ? 0 : over + by;
    zone.classList.toggle("over", over > 0);
  };
  zone.addEventListener("dragenter", () => mark(1));
  zone.addEventListener("dragleave", () => mark(-1));
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    mark(0);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined && !event.defaultPrevented) {
      dropped(file); // the innermost zone takes it
    }
    event.preventDefault();
  });
}
