/** One job: where it stands, its picture, and what can be asked about it. */

import { attribute, button, Keyed, make, picture, put, reveal } from "../dom.ts";
import { flatOf } from "../files.ts";
import { awaited, secondsLeft } from "../model.ts";
import type { Job, Model } from "../model.ts";
import type { Key, Say } from "../strings.ts";
import { duration } from "../words.ts";
import { faultView } from "./fault.ts";
import type { Actions, JobAction, Words } from "./section.ts";

interface Offer {
  readonly name: JobAction;
  label(model: Model, job: Job): Key;
  when(model: Model, job: Job, place: number): boolean;
}

const working = ({ state, stopping }: Job): boolean => state === "running" && stopping === null;

const OFFERS: readonly Offer[] = [
  { name: "cancel", label: () => "act.cancel", when: (_, job) => working(job) || job.state === "queued" },
  {
    name: "hold",
    label: () => "act.hold",
    when: (_, job) => working(job) || (job.state === "queued" && !job.held),
  },
  { name: "release", label: () => "act.release", when: (_, { state, held }) => state === "queued" && held },
  { name: "up", label: () => "act.up", when: (_, { state }, place) => state === "queued" && place > 0 },
  {
    name: "import",
    label: (model, job) => (model.own.get(job.job)?.settled || model.returns.has(job.job) ? "act.import.again" : "act.import"),
    when: (model, job) => job.result !== null && model.returns.get(job.job)?.state !== "bringing",
  },
  { name: "compare", label: () => "act.compare", when: (_, { result }) => result !== null && flatOf(result) !== null },
  { name: "rerun", label: () => "act.rerun", when: (_, { state }) => state === "done" },
  { name: "reveal", label: () => "act.reveal", when: (_, { result }) => result !== null },
  {
    name: "retry",
    label: () => "act.retry",
    when: (_, { state }) => state === "failed" || state === "cancelled" || state === "interrupted",
  },
  {
    name: "remove",
    label: () => "act.remove",
    when: (_, { state }) => state === "done" || state === "failed" || state === "cancelled" || state === "interrupted",
  },
];

export interface JobView {
  readonly element: HTMLElement;
  /** `place` counts those that wait; `connected`: whether buttons would be heard. */
  show(model: Model, job: Job, place: number, now: number): void;
}

export function jobView(words: Words, act: Actions, id: string, downloads: boolean): JobView {
  const { say } = words;
  const image = make("img", { className: "vs-picture" });
  const clip = make("h3", { className: "vs-clip" });
  const origin = make("p", { className: "vs-faint" });
  const state = make("p", { className: "vs-state" });
  const count = make("p", { className: "vs-count" });
  const message = make("p", { className: "vs-faint" });
  const bar = make("progress", { className: "vs-bar" });
  const [error, refusal, notBrought] = [
    faultView(words, null, act.setup),
    faultView(words, "alert", act.setup),
    faultView(words, "alert"),
  ];
  const brought = make("p", { className: "vs-good" });
  const todo = make("p", { className: "vs-todo" });
  const files = make("p", { className: "vs-faint" });
  const buttons = OFFERS.map(({ name }) => button("", () => pressed(name)));
  const saves = make("div", { className: "vs-buttons" });
  const saving = new Keyed(saves, (file) => {
    const made = button(`↓ ${file}`, () => act.download(id, file), "vs-quiet");
    made.setAttribute("aria-label", say("act.download", { file }));
    return { element: made };
  });
  const remove = buttons[OFFERS.findIndex(({ name }) => name === "remove")];
  let sure = false;
  remove?.addEventListener("blur", () => {
    sure = false;
    put(remove, say("act.remove"));
  });
  const text = make(
    "div",
    { className: "vs-text" },
    ...[clip, origin, state, bar, count, message, error.element, brought, todo, notBrought.element, refusal.element, files],
    make("div", { className: "vs-buttons" }, ...buttons),
    saves,
  );
  const element = make("li", { className: "vs-job" }, image, text);

  function pressed(name: JobAction): void {
    if (name === "remove" && !sure && remove !== undefined) {
      sure = true; // it deletes files: asked once more, on the same button
      put(remove, say("act.remove.sure"));
      return;
    }
    sure = false;
    act.job(name, id);
  }

  return {
    element,
    show: (model, job, place, now) => {
      const connected = model.link.state === "connected";
      const name = clipOf(job, say);
      attribute(element, "data-state", job.state);
      put(clip, name);
      put(origin, originOf(job, say));
      put(state, stateOf(job, say));
      progress(job, name, connected ? secondsLeft(job, now) : null);
      put(message, job.error === null ? job.message : null);
      error.show(job.error);
      const how = model.returns.get(id);
      put(brought, how === undefined || how.state === "failed" ? null : broughtText(how));
      put(todo, how?.state === "brought" ? how.imported.todo : elsewhere(model, job));
      notBrought.show(how?.state === "failed" ? how.complaint : null);
      refusal.show(model.refusals.get(id) ?? null);
      put(files, job.result === null ? null : say("job.files", { files: job.result.files.join(", "), folder: job.result.folder }));
      const shown = model.pictures.get(id);
      const about = shown?.frame ?? null;
      picture(
        image,
        shown?.url ?? null,
        about === null ? say("job.thumbnail", { clip: name }) : say("job.preview", { clip: name, frame: about }),
      );
      OFFERS.forEach((offer, index) => {
        const made = buttons[index];
        if (made === undefined) {
          return;
        }
        if (!(offer.name === "remove" && sure)) {
          put(made, say(offer.label(model, job)));
        }
        attribute(made, "aria-label", say("job.button", { action: made.textContent ?? "", clip: name }));
        reveal(made, offer.when(model, job, place));
        made.disabled = !connected && offer.name !== "reveal";
      });
      saving.show(downloads && job.result !== null ? job.result.files.filter((file) => /\.\w+$/.test(file)) : [], ({ element: made }) => {
        made.disabled = !connected;
      });
    },
  };

  function progress(job: Job, name: string, left: number | null): void {
    const { state: at, stage, done, total } = job;
    reveal(bar, at === "running");
    attribute(bar, "aria-label", say("job.progress", { clip: name }));
    const counted = at === "running" && stage !== null && total > 0;
    if (counted) {
      bar.max = total;
      bar.value = Math.min(done, total);
    } else {
      bar.removeAttribute("value");
    }
    const values = { done, total, time: left === null ? "" : duration(left, say) };
    put(count, counted ? say(left === null ? "job.count" : "job.left", values) : null);
  }

  function broughtText(how: { state: "bringing" } | { state: "brought"; imported: { rung: string } }): string {
    return how.state === "bringing" ? say("job.bringing") : say("job.brought", { rung: how.imported.rung });
  }

  function elsewhere(model: Model, job: Job): string | null {
    const document = model.own.get(job.job)?.document ?? null;
    return awaited(model, job) === "elsewhere" && document !== null ? say("job.elsewhere", { document }) : null;
  }
}

export function clipOf({ clip }: Job, say: Say): string {
  return clip === "" ? say("job.a_clip") : clip;
}

function originOf({ method, host, submitted }: Job, say: Say): string {
  const when = new Date(1000 * submitted);
  return say("job.from", { method: say(`choice.${method}`), host, when: `${when.toLocaleDateString()} ${clock(when)}` });
}

function clock(when: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(when.getHours())}:${two(when.getMinutes())}`;
}

export function stateOf({ state, stage, held, stopping }: Job, say: Say): string {
  if (state === "running") {
    return stopping !== null ? say(`stopping.${stopping}`) : say(stage === null ? "state.running" : `stage.${stage}`);
  }
  return say(state === "queued" && held ? "state.held" : `state.${state}`);
}
