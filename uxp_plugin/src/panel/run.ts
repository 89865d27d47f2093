/** From the pressed button to the bridge's job: export, send, find the frame, submit. A step that fails loses nothing. */

import { BridgeFault } from "../bridge/api.ts";
import type { JobParams } from "../bridge/generated.ts";
import type { Picture, Scene } from "../hosts/host.ts";
import { chosen, objection } from "./choice.ts";
import { LONG, obstacle, SURE } from "./model.ts";
import type { Clip, Own, Step } from "./model.ts";
import type { Tools } from "./tools.ts";

/** What a bridge says that was restarted, or let go of what was sent to it: sent again, it works. */
const GONE: ReadonlySet<string> = new Set(["grant.unknown", "transfer.unknown", "transfer.unfinished", "job.images_gone"]);

/** The clip is not the one that was read: it is to be read again, when the person says so. */
const OTHER: ReadonlySet<string> = new Set(["grant.changed", "grant.missing"]);

type Ready = Extract<Clip, { state: "ready" }>;

const ESTIMATE_AFTER_MS = 250;

/** What was sent, and waits to be submitted. */
interface Sent {
  readonly clip: Ready;
  readonly document: string | null;
  readonly place: string | null;
  readonly connection: number;
  readonly edited: string;
  readonly mask: string | null;
}

class Stopped extends Error {}

export class Run {
  readonly #tools: Tools;
  readonly #look: () => Promise<void>;
  #ticket = 0;
  #sent: Sent | null = null;
  #estimated = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tools: Tools, look: () => Promise<void>) {
    this.#tools = tools;
    this.#look = look;
  }

  /** Over when the job is the bridge's, when the person is asked about frame or cost (`ask`: anyway), or when it failed. */
  async propagate({ ask = false }: { ask?: boolean } = {}): Promise<void> {
    const { store } = this.#tools;
    if (store.model.step !== null) {
      return;
    }
    await this.#guarded(async (ticket) => {
      this.#step(ticket, { kind: "export" });
      await this.#look(); // the host may not tell of every change
      await this.#once(ticket, ask);
    });
  }

  /** To be called at every change: while the person is asked, what it costs follows the choice. */
  changed(): void {
    const { store } = this.#tools;
    const { step, frame, choice } = store.model;
    const sent = this.#sent;
    if (step?.kind !== "confirm" || sent === null || frame === null) {
      return;
    }
    if (objection(choice, sent.clip.facts.frames, frame.index) !== null) {
      return;
    }
    const wanted = JSON.stringify(this.#params(sent, frame.index));
    if (wanted !== this.#estimated) {
      this.#estimated = wanted;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#estimateAgain(sent, frame.index, wanted), ESTIMATE_AFTER_MS);
    }
  }

  async #estimateAgain(sent: Sent, frame: number, wanted: string): Promise<void> {
    const { store, bridge, complaintOf } = this.#tools;
    store.dispatch({ type: "estimate", estimate: "asking" });
    const estimate = await bridge.estimate(this.#params(sent, frame)).catch(complaintOf);
    if (wanted === this.#estimated && this.#sent === sent) {
      store.dispatch({ type: "estimate", estimate });
    }
  }

  /** The person says which frame was edited, and that it is to start. */
  async confirm(index: number): Promise<void> {
    const { store, grants, say } = this.#tools;
    const sent = this.#sent;
    if (sent === null || store.model.step?.kind !== "confirm") {
      return;
    }
    const why = objection(store.model.choice, sent.clip.facts.frames, index);
    if (why !== null) {
      const complaint = { code: "panel.obstacle", message: say(why.key, why.values), hint: "" };
      store.dispatch({ type: "complaint", complaint });
      return;
    }
    this.#sent = null;
    if (store.model.step.about === "frame") {
      store.dispatch({ type: "agreed", index });
    }
    if (sent.connection !== grants.connection) {
      store.dispatch({ type: "step", step: null });
      store.dispatch({ type: "typed", index });
      await this.propagate();
      return;
    }
    await this.#guarded((ticket) => this.#submit(ticket, sent, index));
  }

  /** Give up what is not the bridge's yet. */
  stop(): void {
    this.#ticket += 1;
    this.#sent = null;
    clearTimeout(this.#timer);
    const { store } = this.#tools;
    store.dispatch({ type: "step", step: null });
    if (store.model.frame?.from === "located") {
      store.dispatch({ type: "typed", index: null });
    }
  }

  async #guarded(steps: (ticket: number) => Promise<void>): Promise<void> {
    const { store, complaintOf } = this.#tools;
    const ticket = ++this.#ticket;
    clearTimeout(this.#timer);
    store.dispatch({ type: "complaint", complaint: null });
    try {
      await steps(ticket);
    } catch (thrown) {
      if (!(thrown instanceof Stopped)) {
        this.#refused(thrown);
        store.dispatch({ type: "complaint", complaint: complaintOf(thrown) });
        if (ticket === this.#ticket) {
          store.dispatch({ type: "step", step: null });
        }
      }
    }
  }

  #refused(thrown: unknown): void {
    const { store, grants, complaintOf } = this.#tools;
    const { clip } = store.model;
    if (clip !== null && thrown instanceof BridgeFault && OTHER.has(thrown.fault.code)) {
      grants.forget(clip.source);
      store.dispatch({ type: "clip", clip: { state: "refused", source: clip.source, refusal: complaintOf(thrown) } });
    }
  }

  /** The steps; once more from the start when the bridge lost what it was sent. */
  async #once(ticket: number, ask: boolean, again = false): Promise<void> {
    const { store, grants, say } = this.#tools;
    const why = obstacle(store.model);
    if (why !== null) {
      store.dispatch({ type: "step", step: null });
      const complaint = { code: "panel.obstacle", message: say(why.key, why.values), hint: "" };
      store.dispatch({ type: "complaint", complaint });
      return;
    }
    const { clip, scene } = store.model;
    if (clip?.state !== "ready" || scene === null) {
      return;
    }
    try {
      await this.#send(ticket, ask, clip, scene);
    } catch (thrown) {
      if (again || !(thrown instanceof BridgeFault) || !GONE.has(thrown.fault.code)) {
        throw thrown;
      }
      grants.forget(clip.source);
      const grant = await grants.of(clip.source);
      store.dispatch({ type: "clip", clip: { ...clip, grant } });
      await this.#once(ticket, ask, true);
    }
  }

  async #send(ticket: number, ask: boolean, clip: Ready, scene: Scene): Promise<void> {
    const { store, host, bridge, grants } = this.#tools;
    this.#step(ticket, { kind: "export" });
    const { connection } = grants;
    const pictures = [await host.edited(), await host.mask()] as const;
    const total = pictures.reduce((sum, one) => sum + (one?.size ?? 0), 0);
    let before = 0;
    const send = async (picture: Picture): Promise<string> => {
      const transfer = await bridge.send(picture, (done) => {
        if (ticket === this.#ticket) {
          this.#step(ticket, { kind: "send", part: (before + done) / total });
        }
      });
      before += picture.size;
      return transfer;
    };
    this.#step(ticket, { kind: "send", part: 0 });
    const edited = await send(pictures[0]);
    const mask = pictures[1] === null ? null : await send(pictures[1]);
    const { document, place = null } = scene;
    const sent = { clip, document, place, connection, edited, mask };
    const { index, sure } = await this.#frame(ticket, sent);
    this.#step(ticket, { kind: "estimate" });
    const params = this.#params(sent, index);
    const estimate = await bridge.estimate(params); // refuses what could not run: a model that is missing, memory
    this.#still(ticket);
    store.dispatch({ type: "estimate", estimate });
    if (ask || !sure || estimate.seconds > LONG) {
      this.#sent = sent;
      this.#estimated = JSON.stringify(params);
      this.#step(ticket, { kind: "confirm", about: sure ? "start" : "frame" });
      return;
    }
    await this.#submit(ticket, sent, index);
  }

  /** The frame that was edited, and whether the person need not be asked. */
  async #frame(ticket: number, { clip, edited }: Sent): Promise<{ index: number; sure: boolean }> {
    const { store, bridge } = this.#tools;
    const known = store.model.frame;
    if (known !== null && known.from !== "located") {
      return { index: known.index, sure: true };
    }
    this.#step(ticket, { kind: "locate" });
    const { frame, confidence } = await bridge.locate(clip.grant, edited);
    this.#still(ticket);
    store.dispatch({ type: "located", index: frame, confidence });
    return { index: frame, sure: confidence >= SURE && frame === store.model.agreed };
  }

  #params({ clip, edited, mask }: Sent, frame: number): JobParams {
    const choice = chosen(this.#tools.store.model.choice);
    return { grant: clip.grant, keyframes: [{ edited, frame, mask }], ...choice, settings: { ...choice.settings } };
  }

  async #submit(ticket: number, sent: Sent, frame: number): Promise<void> {
    const { store, bridge, memory, now } = this.#tools;
    this.#step(ticket, { kind: "submit" });
    const params = this.#params(sent, frame);
    const start = chosen(store.model.choice).range.start;
    const { clip, document, place } = sent;
    const { fps } = clip.facts;
    const job = await bridge.submit(params);
    if (ticket !== this.#ticket) {
      await bridge.cancel(job); // stopped while it was handed over
      throw new Stopped();
    }
    const own: Own = { document, source: clip.source, start, frame, place, fps, at: now(), settled: false };
    store.dispatch({ type: "own", own: new Map(store.model.own).set(job, own) });
    store.dispatch({ type: "submitted" });
    await memory.keepJobs(store.model.own);
  }

  #step(ticket: number, step: Step): void {
    this.#still(ticket);
    this.#tools.store.dispatch({ type: "step", step });
  }

  #still(ticket: number): void {
    if (ticket !== this.#ticket) {
      throw new Stopped();
    }
  }
}
