// The page: what is known, drawn. Every text goes in as text; rows are kept, so that focus stays where it is.

import { duration, secondsLeft } from "./model.js";

const STAGES = {
  probe: "Reading the clip",
  locate: "Finding the frame",
  plan: "Planning",
  encode: "Encoding",
  invert: "Inverting",
  generate: "Generating",
  decode: "Decoding",
  propagate: "Propagating",
  write: "Writing",
};

const STATES = {
  queued: "Waiting",
  running: "Starting",
  interrupted: "Interrupted",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

const STOPPING = {
  cancel: "Cancelling",
  hold: "Going back to the queue",
  pause: "Going back to the queue",
};

const STOPPED = {
  unpaired: "Not paired. Run `videoshop open` to open this page paired.",
  code: "Not paired: the pairing code is not valid any more. Run `videoshop open` again.",
  version: "This page and the bridge are of different versions. Reload the page.",
  refused: "The bridge did not understand this page. Reload the page.",
  untrusted: "Not trusted: what listens on this port is not the bridge that this page was paired with. Nothing was sent.",
};

const WAITING = {
  gone: "The bridge does not answer.",
  slow: "The bridge let this page go because it read too slowly.",
};

const working = ({ state, stopping }) => state === "running" && !stopping;

/** What can be asked about a job, by its button; `when` is told the job and its place among those that wait. */
const BUTTONS = [
  { name: "cancel", label: "Cancel", when: (job) => working(job) || job.state === "queued" },
  { name: "hold", label: "Hold", when: (job) => working(job) || (job.state === "queued" && !job.held) },
  { name: "release", label: "Release", when: ({ state, held }) => state === "queued" && held },
  { name: "up", label: "Move up", when: ({ state }, place) => state === "queued" && place > 0 },
  { name: "retry", label: "Retry", when: ({ state }) => ["failed", "cancelled", "interrupted"].includes(state) },
];

export class View {
  #page;
  #act;
  #rows = new Map();
  #states = new Map();

  /** `act(name, job)` is called for a pressed button: one of BUTTONS, or "pause" or "resume" of the queue. */
  constructor(page, act) {
    this.#page = (id) => page.getElementById(id);
    this.#act = act;
    this.#page("pause").addEventListener("click", ({ currentTarget }) => act(currentTarget.dataset.act));
  }

  /** Say how it stands with the connection; what is shown meanwhile is what was known last. */
  connection({ kind, reason, seconds }) {
    const line = this.#page("state");
    line.dataset.kind = kind;
    switch (kind) {
      case "connecting":
        put(line, "Connecting.");
        break;
      case "connected":
        put(line, "Connected.");
        break;
      case "waiting":
        put(line, `${WAITING[reason]} Trying again in ${seconds} s.`);
        break;
      case "stopped":
        put(line, STOPPED[reason]);
        break;
    }
    this.#page("jobs").classList.toggle("stale", kind !== "connected");
  }

  /** Show what the bridge refused, or nothing. */
  notice(fault) {
    const paragraphs = fault === null ? [] : [element("p", "", fault.message), element("p", "hint", fault.hint)];
    this.#page("notice").replaceChildren(...paragraphs);
  }

  /** Draw what is known; `pictures` holds {url, text} by job; `connected` is whether buttons would be heard. */
  show(known, pictures, { now, connected }) {
    const { running, waiting, ended } = known;
    const pause = this.#page("pause");
    pause.disabled = !connected;
    pause.dataset.act = known.paused ? "resume" : "pause";
    put(pause, known.paused ? "Resume queue" : "Pause queue");
    this.#page("paused").hidden = !known.paused;
    this.#page("empty").hidden = running.length + waiting.length > 0;
    this.#page("ended-section").hidden = ended.length === 0;

    const drawn = new Set();
    const draw = (job, place) => {
      drawn.add(job.id);
      const row = this.#row(job.id);
      row.show(job, place, pictures.get(job.id), { now, connected });
      return row.element;
    };
    arrange(this.#page("queue"), [...running.map((job) => draw(job, 0)), ...waiting.map(draw)]);
    arrange(
      this.#page("ended"),
      ended.map((job) => draw(job, 0)),
    );
    for (const id of this.#rows.keys()) {
      if (!drawn.has(id)) {
        this.#rows.delete(id);
      }
    }
    this.#tell([...running, ...waiting, ...ended]);
  }

  #row(id) {
    if (!this.#rows.has(id)) {
      this.#rows.set(id, new Row((name) => this.#act(name, id)));
    }
    return this.#rows.get(id);
  }

  /** Let who does not see the page hear which jobs changed their state. */
  #tell(jobs) {
    const changed = jobs.filter(({ id, state }) => this.#states.has(id) && this.#states.get(id) !== state);
    if (changed.length > 0) {
      put(this.#page("news"), changed.map((job) => `${clipOf(job)}: ${stateOf(job)}.`).join(" "));
    }
    this.#states = new Map(jobs.map(({ id, state }) => [id, state]));
  }
}

/** One job on the page. */
class Row {
  constructor(act) {
    this.element = element("li", "job");
    this.picture = element("img", "picture");
    this.clip = element("h3", "clip");
    this.origin = element("p", "origin");
    this.state = element("p", "state");
    this.bar = element("progress", "bar");
    this.count = element("p", "count");
    this.message = element("p", "message");
    this.error = element("p", "error");
    this.hint = element("p", "hint");
    this.folder = element("p", "folder");
    this.buttons = BUTTONS.map(({ name, label }) => {
      const button = element("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => act(name));
      return button;
    });
    const buttons = element("div", "buttons");
    buttons.append(...this.buttons);
    const text = element("div", "text");
    text.append(this.clip, this.origin, this.state, this.bar, this.count);
    text.append(this.message, this.error, this.hint, this.folder, buttons);
    this.element.append(this.picture, text);
  }

  show(job, place, picture, { now, connected }) {
    this.element.dataset.state = job.state;
    put(this.clip, clipOf(job));
    put(this.origin, originOf(job));
    put(this.state, stateOf(job));
    this.#progress(job, connected ? secondsLeft(job, now) : null);
    put(this.message, job.error ? null : job.message);
    put(this.error, job.error?.message);
    put(this.hint, job.error?.hint);
    put(this.folder, job.result ? `${job.result.files.join(", ")} in ${job.result.folder}` : null);
    this.picture.hidden = picture === undefined;
    if (picture !== undefined && this.picture.src !== picture.url) {
      this.picture.src = picture.url;
      this.picture.alt = picture.text;
    }
    BUTTONS.forEach(({ label, when }, index) => {
      const button = this.buttons[index];
      button.hidden = !when(job, place);
      button.disabled = !connected;
      button.setAttribute("aria-label", `${label}: ${clipOf(job)}`);
    });
  }

  #progress(job, left) {
    const { state, stage, done, total } = job;
    this.bar.hidden = state !== "running";
    this.bar.setAttribute("aria-label", `Progress of ${clipOf(job)}`);
    const counted = state === "running" && stage !== null && total > 0;
    if (counted) {
      this.bar.max = total;
      this.bar.value = done;
    } else {
      this.bar.removeAttribute("value");
    }
    const estimate = left === null ? "" : `, about ${duration(left)} left of this stage`;
    put(this.count, counted ? `${done} of ${total}${estimate}` : null);
  }
}

function clipOf({ clip }) {
  return clip || "A clip";
}

function originOf({ method, host, submitted }) {
  const when = submitted ? new Date(1000 * submitted).toLocaleString([], { dateStyle: "short", timeStyle: "short" }) : "";
  return [method, host && `from ${host}`, when].filter(Boolean).join(" · ");
}

function stateOf({ state, stage, held, stopping }) {
  if (state === "running" && stopping) {
    return STOPPING[stopping];
  }
  if (state === "queued" && held) {
    return "Held";
  }
  return (state === "running" && STAGES[stage]) || STATES[state] || state;
}

function element(name, kind, text = "") {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = text;
  return made;
}

/** Put a text in an element, which is hidden without one. What did not change is left alone: it would be read again. */
function put(element, text) {
  const shown = text ?? "";
  if (element.textContent !== shown) {
    element.textContent = shown;
  }
  element.hidden = shown === "";
}

/** Bring a list into order, moving only what stands elsewhere. */
function arrange(list, elements) {
  const kept = new Set(elements);
  [...list.children].filter((child) => !kept.has(child)).forEach((child) => child.remove());
  elements.forEach((element, index) => {
    if (list.children[index] !== element) {
      list.insertBefore(element, list.children[index] ?? null);
    }
  });
}
