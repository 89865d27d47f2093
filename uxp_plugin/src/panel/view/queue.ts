/** The queue, the results, and what is read aloud when a job changes its state. */

import { button, Keyed, make, put, reveal } from "../dom.ts";
import { queueOf, resultsOf } from "../model.ts";
import { clipOf, jobView, stateOf } from "./job.ts";
import type { Actions, Section, Words } from "./section.ts";

export function queueSection(words: Words, act: Actions): Section {
  const { say } = words;
  const pause = button("", () => act.queue(!paused), "vs-quiet");
  const note = make("p", { className: "vs-warn" });
  const empty = make("p", { className: "vs-faint" });
  const list = make("ol", { className: "vs-list", attributes: { "aria-label": say("queue.title") } });
  const views = new Keyed(list, (id) => jobView(words, act, id, false));
  const title = make("div", { className: "vs-title" }, make("h2", { text: say("queue.title") }), pause);
  const news = make("p", { className: "vs-heard", attributes: { "aria-live": "polite" } });
  const element = make("section", { className: "vs-queue" }, title, note, empty, list, news);
  let paused = false;
  let states = new Map<string, string>();

  return {
    element,
    show: (model, now) => {
      paused = model.paused;
      put(pause, say(paused ? "queue.resume" : "queue.pause"));
      pause.disabled = model.link.state !== "connected";
      put(note, paused ? say("queue.paused") : null);
      const jobs = queueOf(model);
      put(empty, jobs.length === 0 ? say("queue.empty") : null);
      const running = jobs.filter(({ state }) => state === "running").length;
      views.show(
        jobs.map(({ job }) => job),
        (view, _, index) => {
          const job = jobs[index];
          if (job !== undefined) {
            view.show(model, job, index - running, now);
          }
        },
      );
      const changed = [...model.jobs.values()].filter(({ job, state }) => states.has(job) && states.get(job) !== state);
      if (changed.length > 0) {
        const said = changed.map((job) => say("job.changed", { clip: clipOf(job, say), state: stateOf(job, say) }));
        put(news, said.join(" "));
      }
      states = new Map([...model.jobs.values()].map(({ job, state }) => [job, state]));
    },
  };
}

export function resultsSection(words: Words, act: Actions, downloads: boolean): Section {
  const { say } = words;
  const list = make("ul", { className: "vs-list", attributes: { "aria-label": say("results.title") } });
  const views = new Keyed(list, (id) => jobView(words, act, id, downloads));
  const element = make("section", { className: "vs-results" }, make("h2", { text: say("results.title") }), list);
  return {
    element,
    show: (model, now) => {
      const jobs = resultsOf(model);
      reveal(element, jobs.length > 0);
      views.show(
        jobs.map(({ job }) => job),
        (view, _, index) => {
          const job = jobs[index];
          if (job !== undefined) {
            view.show(model, job, 0, now);
          }
        },
      );
    },
  };
}
