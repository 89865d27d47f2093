// The socket: handshake, questions and answers, files, and coming back after the bridge was gone.

import { CHUNK, PREVIEW, ProtocolError, VERSION } from "./protocol.js";
import { codeKey, decode, encode, hex, joined, parseBinary, proof, sha256, unhex, unsealed } from "./protocol.js";

const RETRY_SECONDS = [1, 2, 5, 10];
const HANDSHAKE_MS = 10_000;
const PING_MS = 15_000;
const FILE_BYTES = 16 << 20;

/** Why the page will not connect again by itself, by the code that the bridge closed with. */
const FINAL = { 4002: "version", 4003: "refused", 4009: "unpaired", 4010: "code" };
const SILENT = 1006;

/** What the bridge refused, in its words: `code`, `message` and `hint`. */
export class Fault extends Error {
  constructor({ code, message, hint }) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

const gone = () => new Fault({ code: "gone", message: "The bridge is gone.", hint: "Try again when it is back." });

/** The conversation is over, and not to be tried again: "version" or "untrusted". */
class Stop extends Error {}

/**
 * One bridge, connected to again and again. `pairing` keeps the token: {token, client, keep(token), forget()}.
 *
 * `on.state` is told {kind: "connecting" | "connected" | "waiting" | "stopped", reason, seconds}, `on.message` each
 * message that tells of jobs or the queue, `on.preview` the index of a job's newest frame and its JPEG.
 */
export class Connection {
  #url;
  #port;
  #pairing;
  #on;
  #code = null;
  #socket = null;
  #tries = 0;
  #count = 0;
  #timer;
  #questions = new Map();
  #files = new Map();

  constructor({ host, port, pairing, on }) {
    this.#url = `ws://${host}/bridge`;
    this.#port = port;
    this.#pairing = pairing;
    this.#on = on;
  }

  /** Connect now. `code` is a pairing code, or null for the token that is kept. */
  start(code = null) {
    this.#leave();
    this.#code = code === null ? null : codeKey(code);
    this.#tries = 0;
    this.#connect(code !== null && this.#code === null ? "code" : "unpaired");
  }

  /** The bridge's answer to a message. Throws Fault. */
  ask(type, { job, data } = {}) {
    return new Promise((resolve, reject) => {
      const id = this.#send(type, { job, data });
      if (id === null) {
        reject(gone());
      } else {
        this.#questions.set(id, { resolve, reject });
      }
    });
  }

  /** The bytes of a file of the bridge, `{job, file}`. Throws Fault. */
  async fetch(source) {
    const transfer = crypto.randomUUID();
    const whole = new Promise((resolve, reject) => {
      this.#files.set(transfer, { parts: [], size: 0, resolve, reject });
    });
    whole.catch(() => {}); // where the question itself is refused, nobody waits for the bytes
    try {
      const { data } = await this.ask("transfer.fetch", { data: { transfer, source } });
      if (data.size > FILE_BYTES) {
        this.#send("transfer.abort", { data: { transfer } });
        throw new Fault({ code: "too_large", message: "The file is too large for this page.", hint: "" });
      }
      return await whole;
    } finally {
      this.#files.delete(transfer);
    }
  }

  // Connecting

  #connect(without) {
    if (this.#code === null && this.#pairing.token === null) {
      this.#on.state({ kind: "stopped", reason: without });
      return;
    }
    this.#on.state({ kind: "connecting" });
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const inbox = new Inbox();
    socket.onmessage = ({ data }) => inbox.put(data);
    socket.onclose = ({ code }) => this.#lost(socket, code);
    this.#after(HANDSHAKE_MS, () => this.#lost(socket, SILENT));
    this.#talk(socket, inbox).catch((error) => this.#broken(socket, error));
  }

  async #talk(socket, inbox) {
    const hello = expected(await inbox.next(), "hello").data;
    if (!(hello.protocol_min <= VERSION && VERSION <= hello.protocol_max)) {
      throw new Stop("version");
    }
    if (this.#code !== null) {
      const code = this.#code;
      const paired = await this.#prove("pair", code, "pcl", hello, socket, inbox);
      const token = await unsealed(code, paired.handshake, paired.data);
      if (token === null || socket !== this.#socket) {
        throw new Stop("untrusted");
      }
      this.#pairing.keep(token);
      this.#code = null;
    }
    const key = unhex(this.#pairing.token);
    const identified = await this.#prove("identify", key, "cli", hello, socket, inbox);
    const theirs = await proof(key, "srv", identified.handshake);
    if (identified.data.hmac !== theirs || socket !== this.#socket) {
      throw new Stop("untrusted");
    }
    this.#tries = 0;
    this.#watchdog(socket);
    this.#on.state({ kind: "connected" });
    this.#on.message({ type: "job.jobs", data: identified.data });
    for (;;) {
      this.#take(await inbox.next());
    }
  }

  /** Say `identify` or `pair` with a proof under `key`; the answer's data and the handshake that it belongs to. */
  async #prove(type, key, role, { challenge, instance }, socket, inbox) {
    const nonce = hex(crypto.getRandomValues(new Uint8Array(32)));
    const handshake = { port: this.#port, challenge, nonce, instance };
    const hmac = await proof(key, role, handshake);
    const { client } = this.#pairing;
    const id = this.#next();
    socket.send(encode({ type, id, data: { protocol: VERSION, host: "Status page", client, nonce, hmac } }));
    const { data } = expected(await inbox.next(), type === "pair" ? "paired" : "identified");
    return { data, handshake };
  }

  /** A bridge that stands still keeps its sockets open: ask for a sign of life. */
  #watchdog(socket) {
    this.#after(PING_MS, () => {
      this.#after(PING_MS, () => this.#lost(socket, SILENT));
      this.ask("ping").then(
        () => this.#watchdog(socket),
        () => {}, // it is known to be gone
      );
    });
  }

  #broken(socket, error) {
    if (socket !== this.#socket) {
      return;
    }
    if (error instanceof Stop) {
      this.#leave();
      this.#on.state({ kind: "stopped", reason: error.message });
    } else if (error instanceof ProtocolError) {
      this.#lost(socket, SILENT);
    } else {
      throw error;
    }
  }

  #lost(socket, code) {
    if (socket !== this.#socket) {
      return;
    }
    this.#leave();
    if (code === 4009) {
      this.#pairing.forget();
    }
    if (code === 4010) {
      this.#code = null;
      if (this.#pairing.token !== null) {
        this.#connect("code");
        return;
      }
    }
    if (code in FINAL) {
      this.#on.state({ kind: "stopped", reason: FINAL[code] });
      return;
    }
    const seconds = RETRY_SECONDS[Math.min(this.#tries, RETRY_SECONDS.length - 1)];
    this.#tries += 1;
    this.#after(1000 * seconds, () => this.#connect("unpaired"));
    this.#on.state({ kind: "waiting", reason: code === 4008 ? "slow" : "gone", seconds });
  }

  /** Let go of the socket and of whoever waits for an answer. */
  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    if (socket !== null) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
    for (const { reject } of [...this.#questions.values(), ...this.#files.values()]) {
      reject(gone());
    }
    this.#questions.clear();
    this.#files.clear();
  }

  #after(milliseconds, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, milliseconds);
  }

  // Saying and hearing

  /** Send a message; its id, or null if nobody is there. */
  #send(type, { job, data } = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return null;
    }
    const id = this.#next();
    this.#socket.send(encode({ type, id, job, data }));
    return id;
  }

  #next() {
    this.#count += 1;
    return `c${this.#count}`;
  }

  #take(data) {
    if (typeof data === "string") {
      this.#hear(decode(data));
      return;
    }
    const message = parseBinary(data);
    if (message.kind === PREVIEW) {
      this.#on.preview(message.owner, message.chunk, message.payload);
    } else if (message.kind === CHUNK) {
      this.#keep(message);
    }
  }

  #hear(message) {
    const question = this.#questions.get(message.re);
    this.#questions.delete(message.re);
    if (message.type === "error") {
      const whose = question ?? this.#files.get(message.re?.replace(/^transfer:/, ""));
      whose?.reject(new Fault(message.data));
      return;
    }
    question?.resolve(message);
    if (message.type === "transfer.end") {
      this.#whole(message.data);
    } else if (message.type.startsWith("job.") || message.type.startsWith("queue.")) {
      this.#on.message(message);
    }
  }

  #keep({ owner, offset, payload }) {
    const file = this.#files.get(owner);
    if (file === undefined) {
      return; // given up meanwhile
    }
    if (offset !== file.size || offset + payload.length > FILE_BYTES) {
      throw new ProtocolError("A chunk is not the next one.");
    }
    file.parts.push(payload);
    file.size += payload.length;
    this.#send("transfer.ack", { data: { transfer: owner, offset: file.size } });
  }

  async #whole({ transfer, sha256: promised }) {
    const file = this.#files.get(transfer);
    if (file === undefined) {
      return;
    }
    const bytes = joined(file.parts);
    if ((await sha256(bytes)) === promised) {
      file.resolve(bytes);
    } else {
      file.reject(new Fault({ code: "transfer.corrupt", message: "The file came in other bytes.", hint: "" }));
    }
  }
}

function expected(data, type) {
  const message = typeof data === "string" ? decode(data) : null;
  if (message?.type !== type) {
    throw new ProtocolError(`It says no ${type}.`);
  }
  return message;
}

/** Messages in the order in which they came. */
class Inbox {
  #messages = [];
  #taker = null;

  put(message) {
    this.#messages.push(message);
    this.#taker?.();
  }

  async next() {
    while (this.#messages.length === 0) {
      await new Promise((resolve) => {
        this.#taker = resolve;
      });
    }
    this.#taker = null;
    return this.#messages.shift();
  }
}
