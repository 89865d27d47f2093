/** Does what the person asks and what the bridge's news call for. */

import type { Preview } from "../bridge/api.ts";
import type { Snapshot } from "../bridge/generated.ts";
import { HostError } from "../hosts/host.ts";
import { chosen, objection, withPreset } from "./choice.ts";
import type { Choice, Preset } from "./choice.ts";
import { Comparing } from "./comparing.ts";
import { ended, ownInQueue, queueOf } from "./model.ts";
import type { Job, Model } from "./model.ts";
import { jpegUrl } from "./pictures.ts";
import { Returns } from "./returns.ts";
import { Run } from "./run.ts";
import { SceneWatch } from "./scene.ts";
import { SettingUp } from "./setting_up.ts";
import type { Tools } from "./tools.ts";
import type { Actions, JobAction } from "./view/section.ts";

export class Acting implements Actions {
  readonly run: Run;
  readonly setup: SettingUp;
  readonly #tools: Tools;
  readonly #save: ((name: string, bytes: Uint8Array) => void) | null;
  readonly #scene: SceneWatch;
  readonly #returns: Returns;
  readonly #comparing: Comparing;
  readonly #stops: (() => void)[] = [];
  readonly #pictured = new Set<string>();
  #pictures: Promise<void> = Promise.resolve(); // fetched one after the other
  #recalled = false;
  #over = false;

  constructor(tools: Tools, save: ((name: string, bytes: Uint8Array) => void) | null) {
    this.#tools = tools;
    this.#save = save;
    this.#scene = new SceneWatch(tools);
    this.#returns = new Returns(tools);
    this.#comparing = new Comparing(tools);
    this.run = new Run(tools, () => this.#scene.look());
    this.setup = new SettingUp(tools);
  }

  /** Recall, listen, connect, by a pairing code where there is one; over when the host was looked at. */
  async start(code: string | null): Promise<void> {
    const { bridge, host, store, memory, now } = this.#tools;
    this.#stops.push(
      bridge.on("link", () => this.#linked()),
      bridge.on("job", (snapshot) => this.#told(snapshot, now())),
      bridge.on("removed", (job) => store.dispatch({ type: "removed", job })),
      bridge.on("queue", (paused, order) => store.dispatch({ type: "queue", paused, order })),
      bridge.on("preview", (preview) => this.#preview(preview)),
      bridge.on("setup", (told) => store.dispatch({ type: "setup told", told })),
      host.onChange(() => void this.#scene.look()),
      store.subscribe(() => this.#changed()),
    );
    await this.#guarded(async () => {
      const { choice, presets, own, port } = await memory.recall();
      store.dispatch({ type: "chose", changes: choice });
      store.dispatch({ type: "presets", presets });
      store.dispatch({ type: "own", own: new Map([...own, ...store.model.own]) });
      store.dispatch({ type: "port", port });
    });
    if (this.#over) {
      return; // unmounted meanwhile
    }
    this.#recalled = true;
    if (code === null) {
      bridge.start();
    } else {
      this.pair(code);
    }
    store.dispatch({ type: "link", link: bridge.link });
    await this.#scene.look();
  }

  stopAll(): void {
    this.#over = true;
    this.run.stop();
    this.#stops.splice(0).forEach((stop) => stop());
    this.#tools.bridge.stop();
  }

  #changed(): void {
    if (this.#recalled) {
      this.#scene.changed();
      this.run.changed();
      this.#returns.changed();
      this.setup.changed();
    }
  }

  // What the bridge tells

  #linked(): void {
    const { store, bridge, grants } = this.#tools;
    const before = store.model.link.state;
    const { link } = bridge;
    if (before === "connected" && link.state !== "connected") {
      grants.lost();
    }
    store.dispatch({ type: "link", link });
    if (before !== "connected" && link.state === "connected") {
      this.#pictured.clear();
      void this.#scene.again();
      this.setup.linked();
    }
  }

  #told(snapshot: Snapshot, at: number): void {
    const { store } = this.#tools;
    store.dispatch({ type: "job", snapshot, at });
    if (!ended(snapshot)) {
      this.#pictured.delete(snapshot.job);
    } else if (!this.#pictured.has(snapshot.job)) {
      this.#pictured.add(snapshot.job);
      this.#pictures = this.#pictures.then(() => this.#thumbnail(snapshot.job));
    }
  }

  async #thumbnail(job: string): Promise<void> {
    const { bridge, store } = this.#tools;
    // A job without a picture stays without: it is only to look at.
    const url = await bridge.fetch(job, "thumbnail.jpg").then(jpegUrl, () => null);
    const known = store.model.jobs.get(job);
    if (url !== null && known !== undefined && ended(known)) {
      store.dispatch({ type: "picture", job, picture: { url, frame: null } });
    }
  }

  #preview({ job, frame, jpeg }: Preview): void {
    const { store } = this.#tools;
    if (store.model.jobs.get(job)?.state === "running") {
      store.dispatch({ type: "picture", job, picture: { url: jpegUrl(jpeg), frame } });
    }
  }

  // Connection

  pair(code: string): void {
    const { bridge } = this.#tools;
    void this.#guarded(async () => {
      try {
        await bridge.pair(code);
      } catch (thrown) {
        if (bridge.link.state === "connected" || bridge.link.state === "connecting") {
          throw thrown; // else the connection's own line says it
        }
      }
    });
  }

  port(typed: string): void {
    const { say, store, memory, bridge } = this.#tools;
    const port = Number(typed);
    if (typed !== "" && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
      const complaint = { code: "panel.port", message: say("connection.port.wrong"), hint: "" };
      store.dispatch({ type: "complaint", complaint });
      return;
    }
    void this.#guarded(async () => {
      await memory.keepPort(typed);
      store.dispatch({ type: "port", port: typed });
      bridge.stop();
      bridge.start();
    });
  }

  retry(): void {
    const { bridge } = this.#tools;
    bridge.stop();
    bridge.start();
  }

  // What is used

  chooseClip(): void {
    const { host } = this.#tools;
    void this.#guarded(async () => {
      if ((await host.chooseClip()) !== null) {
        await this.#scene.look();
      }
    });
  }

  readClip(): void {
    void this.#scene.read(true);
  }

  typeFrame(typed: string): void {
    const { store } = this.#tools;
    const shown = store.model.frame;
    if (typed === "" || !/^\d+$/.test(typed)) {
      store.dispatch({ type: "typed", index: null });
    } else if (Number(typed) !== shown?.index) {
      store.dispatch({ type: "typed", index: Number(typed) });
    }
  }

  // What is chosen

  choose(changes: Partial<Choice>): void {
    const { store, memory } = this.#tools;
    store.dispatch({ type: "chose", changes });
    void this.#guarded(() => memory.keepChoice(store.model.choice), false);
  }

  savePreset(name: string): void {
    const { store } = this.#tools;
    this.#presets(withPreset(store.model.presets, { name, choice: store.model.choice }));
  }

  applyPreset(name: string): void {
    const { store } = this.#tools;
    const preset = store.model.presets.find((one) => one.name === name);
    if (preset !== undefined) {
      this.choose({ ...preset.choice, range: store.model.choice.range });
    }
  }

  deletePreset(name: string): void {
    this.#presets(this.#tools.store.model.presets.filter((one) => one.name !== name));
  }

  #presets(presets: readonly Preset[]): void {
    const { store, memory } = this.#tools;
    store.dispatch({ type: "presets", presets });
    void this.#guarded(() => memory.keepPresets(presets), false);
  }

  // Running

  propagate(): void {
    void this.run.propagate();
  }

  estimate(): void {
    void this.run.propagate({ ask: true });
  }

  stop(): void {
    this.run.stop();
  }

  confirm(typed: string): void {
    const index = /^\d+$/.test(typed) ? Number(typed) : NaN;
    void this.run.confirm(index);
  }

  async cancelOwn(): Promise<void> {
    const { store, bridge } = this.#tools;
    if (store.model.step !== null) {
      this.run.stop();
      return;
    }
    const job = ownInQueue(store.model);
    if (job !== null) {
      await this.#guarded(() => bridge.cancel(job.job));
    }
  }

  // Jobs

  queue(paused: boolean): void {
    const { bridge } = this.#tools;
    void this.#guarded(() => (paused ? bridge.pause(false) : bridge.resume()));
  }

  job(name: JobAction, id: string): void {
    const { store } = this.#tools;
    const job = store.model.jobs.get(id);
    if (job === undefined) {
      return;
    }
    store.dispatch({ type: "refusal", job: id, complaint: null });
    this.#jobAction(name, job).catch((thrown: unknown) => {
      store.dispatch({ type: "refusal", job: id, complaint: this.#tools.complaintOf(thrown) });
    });
  }

  async #jobAction(name: JobAction, job: Job): Promise<void> {
    const { bridge, host, store } = this.#tools;
    const id = job.job;
    switch (name) {
      case "cancel":
      case "hold":
      case "release":
      case "retry":
      case "remove":
        return bridge[name](id);
      case "up": {
        const waiting = queueOf(store.model).filter(({ state }) => state === "queued");
        const before = waiting[waiting.findIndex((one) => one.job === id) - 1];
        return before === undefined ? undefined : bridge.move(id, before.job);
      }
      case "import":
        return this.#returns.bring(job);
      case "compare":
        return this.#comparing.open(job);
      case "rerun":
        return this.#rerun(job);
      case "reveal":
        return job.result === null ? undefined : host.reveal(job.result.folder);
      case "dismiss":
        return undefined;
    }
  }

  async #rerun(job: Job): Promise<void> {
    const { bridge, store, memory, now, say } = this.#tools;
    const why = objection(store.model.choice, Number.MAX_SAFE_INTEGER, null);
    if (why !== null) {
      throw new HostError("panel.obstacle", say(why.key, why.values), "");
    }
    const choice = chosen(store.model.choice);
    const again = await bridge.rerun(job.job, { ...choice });
    const before = store.model.own.get(job.job);
    if (before !== undefined) {
      const own = { ...before, start: choice.range.start, at: now(), settled: false };
      store.dispatch({ type: "own", own: new Map(store.model.own).set(again, own) });
      await memory.keepJobs(store.model.own);
    }
  }

  download(id: string, file: string): void {
    const { bridge, store, complaintOf } = this.#tools;
    store.dispatch({ type: "refusal", job: id, complaint: null });
    bridge.fetch(id, file).then(
      (bytes) => this.#save?.(file, bytes),
      (thrown: unknown) => store.dispatch({ type: "refusal", job: id, complaint: complaintOf(thrown) }),
    );
  }

  compareFrame(frame: number): void {
    void this.#guarded(() => this.#comparing.show(frame), false);
  }

  compareClose(): void {
    this.#comparing.close();
  }

  open(what: Partial<Model["open"]>): void {
    this.#tools.store.dispatch({ type: "open", open: what });
  }

  forgive(): void {
    this.#tools.store.dispatch({ type: "complaint", complaint: null });
  }

  /** Escape closes what was opened last; whether there was anything. */
  escape(): boolean {
    const { comparison, step, open, complaint, setup } = this.#tools.store.model;
    if (step !== null) {
      this.run.stop();
    } else if (comparison !== null) {
      this.compareClose();
    } else if (complaint !== null) {
      this.forgive();
    } else if (setup.agreeing.length > 0) {
      this.setup.disagree();
    } else if (open.more || open.connection || open.setup) {
      this.open({ more: false, connection: false, setup: false });
    } else {
      return false;
    }
    return true;
  }

  /** Do it, and say what it was refused for. */
  async #guarded(act: () => Promise<void>, anew = true): Promise<void> {
    const { store, complaintOf } = this.#tools;
    if (anew && store.model.complaint !== null) {
      store.dispatch({ type: "complaint", complaint: null });
    }
    try {
      await act();
    } catch (thrown) {
      store.dispatch({ type: "complaint", complaint: complaintOf(thrown) });
    }
  }
}
