/** Looks at the host and reads the clip that it names: grant, facts, pictures. */

import type { ClipSource } from "../hosts/host.ts";
import { jpegUrl } from "./pictures.ts";
import type { Tools } from "./tools.ts";

export class SceneWatch {
  readonly #tools: Tools;
  #looks = 0;
  #reading: { readonly path: string; readonly done: Promise<void> } | null = null;
  #pictured = "";

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** Look, and read the clip if it is another one; over when the clip is ready or refused. */
  async look(): Promise<void> {
    const { host, store, complaintOf } = this.#tools;
    const look = ++this.#looks;
    try {
      const scene = await host.look();
      if (look === this.#looks) {
        store.dispatch({ type: "scene", scene });
      }
    } catch (thrown) {
      store.dispatch({ type: "complaint", complaint: complaintOf(thrown) });
    }
    await this.read();
  }

  /** Let the bridge read the clip, unless it did; one that it refused only when that is asked for. */
  async read(refused = false): Promise<void> {
    const { store } = this.#tools;
    const { scene, link, clip } = store.model;
    const source = scene?.clip ?? null;
    const read = clip?.state === "ready" || (clip?.state === "refused" && !refused);
    if (source === null || link.state !== "connected" || read) {
      return;
    }
    if (this.#reading?.path !== source.path) {
      const reading = { path: source.path, done: this.#read(source) };
      this.#reading = reading;
      await reading.done;
      if (this.#reading === reading) {
        this.#reading = null;
      }
    } else {
      await this.#reading.done;
    }
  }

  async #read(source: ClipSource): Promise<void> {
    const { store, grants, bridge, complaintOf } = this.#tools;
    const { connection } = grants;
    store.dispatch({ type: "clip", clip: { state: "reading", source } });
    try {
      const grant = await grants.of(source);
      const facts = (await bridge.probe(grant)).data;
      if (grants.connection === connection) {
        store.dispatch({ type: "clip", clip: { state: "ready", source, grant, facts } });
        void this.#clipPicture(grant, source);
      }
    } catch (thrown) {
      if (grants.connection === connection) {
        grants.forget(source);
        store.dispatch({ type: "clip", clip: { state: "refused", source, refusal: complaintOf(thrown) } });
      }
    }
  }

  /** After a connection was lost the bridge knows none of its grants. */
  async again(): Promise<void> {
    const { store } = this.#tools;
    const clip = store.model.clip;
    this.#reading = null;
    this.#pictured = "";
    if (clip !== null) {
      store.dispatch({ type: "clip", clip: { state: "reading", source: clip.source } });
    }
    await this.look();
  }

  /** To be called at every change: asks for the picture that is not known yet. */
  changed(): void {
    this.#sourcePicture();
  }

  async #clipPicture(grant: string, source: ClipSource): Promise<void> {
    const { store, bridge } = this.#tools;
    const url = await bridge.frame(grant, 0, true).then(jpegUrl, () => null); // only to look at: without one it goes too
    if (url !== null && store.model.clip?.source.path === source.path) {
      store.dispatch({ type: "clip picture", url });
    }
  }

  #sourcePicture(): void {
    const { store, bridge } = this.#tools;
    const { clip, frame } = store.model;
    if (clip?.state !== "ready" || frame === null || !(frame.index >= 0 && frame.index < clip.facts.frames)) {
      return;
    }
    const wanted = `${clip.grant} ${frame.index}`;
    if (wanted === this.#pictured) {
      return;
    }
    this.#pictured = wanted;
    bridge.frame(clip.grant, frame.index, true).then(
      (jpeg) => {
        if (wanted === this.#pictured) {
          store.dispatch({ type: "source picture", frame: frame.index, url: jpegUrl(jpeg) });
        }
      },
      () => undefined, // only to look at
    );
  }
}
