// The status page: it pairs with the code behind the address's #, watches the queue, and does what buttons ask.

import { Connection } from "./connection.js";
import { Known } from "./model.js";
import { View } from "./view.js";

const TOKEN = "videoshop.token";
const CLIENT = "videoshop.client";

/** The pairing code behind the #, or null. It leaves the address, so that no history or bookmark keeps it. */
function takeCode() {
  const code = location.hash.slice(1).split("/")[0]; // what follows names a place of the built panel
  if (code !== "") {
    history.replaceState(null, "", location.pathname);
  }
  return code || null;
}

const code = takeCode();

/** The pairing, as long as this tab lives. */
const pairing = {
  get token() {
    return sessionStorage.getItem(TOKEN);
  },
  get client() {
    if (sessionStorage.getItem(CLIENT) === null) {
      sessionStorage.setItem(CLIENT, crypto.randomUUID());
    }
    return sessionStorage.getItem(CLIENT);
  },
  keep: (token) => sessionStorage.setItem(TOKEN, token),
  forget: () => sessionStorage.removeItem(TOKEN),
};

const known = new Known();
const pictures = new Map();
const asked = new Set();
let connected = false;
let thumbnails = Promise.resolve(); // fetched one after the other
let drawing = false;

const now = () => performance.now() / 1000;

function draw() {
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      view.show(known, pictures, { now: now(), connected });
    });
  }
}

const connection = new Connection({
  host: location.host,
  port: Number(location.port || 80),
  pairing,
  on: { state, message, preview },
});

const view = new View(document, (name, job) => {
  act(name, job).then(
    () => view.notice(null),
    (fault) => view.notice(fault),
  );
});

function act(name, job) {
  switch (name) {
    case "pause":
    case "resume":
      return connection.ask(`queue.${name}`);
    case "up": {
      const waiting = known.waiting.map(({ id }) => id);
      return connection.ask("job.move", { job, data: { before: waiting[waiting.indexOf(job) - 1] } });
    }
    default:
      return connection.ask(`job.${name}`, { job });
  }
}

// What the bridge tells

function state(link) {
  connected = link.kind === "connected";
  view.connection(link);
  view.notice(null);
  if (connected) {
    // Watched first: what happens between the two answers is told.
    Promise.all([connection.ask("queue.watch"), connection.ask("job.list")]).catch((fault) => view.notice(fault));
  }
  draw();
}

function message(told) {
  known.hear(told, now());
  for (const id of pictures.keys()) {
    const state = known.job(id)?.state;
    if (state === undefined || (state !== "running" && !asked.has(id))) {
      forgetPicture(id);
    }
  }
  [...known.running, ...known.waiting].forEach(({ id }) => asked.delete(id));
  for (const { id, clip } of known.ended.filter(({ id }) => !asked.has(id))) {
    asked.add(id);
    thumbnails = thumbnails.then(() => fetchThumbnail(id, clip));
  }
  draw();
}

function preview(id, frame, jpeg) {
  const job = known.job(id);
  if (job?.state === "running") {
    setPicture(id, jpeg, `Frame ${frame} of ${job.clip}, as it is now`);
  }
}

async function fetchThumbnail(id, clip) {
  try {
    const jpeg = await connection.fetch({ job: id, file: "thumbnail.jpg" });
    if (asked.has(id)) {
      setPicture(id, jpeg, `A frame of ${clip}, as it became`);
    }
  } catch (fault) {
    if (fault.code === "gone") {
      asked.delete(id); // to be asked again of the bridge that is back; a job without a picture stays without
    }
  }
}

function setPicture(id, jpeg, text) {
  forgetPicture(id);
  pictures.set(id, { url: URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })), text });
  draw();
}

function forgetPicture(id) {
  if (pictures.has(id)) {
    URL.revokeObjectURL(pictures.get(id).url);
    pictures.delete(id);
  }
}

addEventListener("hashchange", () => {
  const code = takeCode();
  if (code !== null) {
    connection.start(code);
  }
});
setInterval(draw, 1000); // the time left changes without news
connection.start(code);
