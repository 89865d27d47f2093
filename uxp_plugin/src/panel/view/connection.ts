/** How it stands with the bridge: an honest reason, and what the person can do about it here. */

import type { Link, Trouble } from "../../bridge/api.ts";
import { attribute, button, field, make, put, reveal } from "../dom.ts";
import type { Actions, Section, Words } from "./section.ts";

const PAIRING: ReadonlySet<Trouble> = new Set(["not_paired", "wrong_code", "not_trusted"]);
const PORTS: ReadonlySet<Trouble> = new Set(["not_installed", "not_running", "port_taken"]);

function troubleOf(link: Link): Trouble | null {
  return link.state === "waiting" || link.state === "stopped" ? link.trouble : null;
}

export function connectionSection({ say }: Words, act: Actions, ports: boolean): Section {
  const line = make("p", { className: "vs-link", attributes: { role: "status" } });
  const toggle = button(say("connection.title"), () => act.open({ connection: !open }), "vs-quiet");
  const hint = make("p", { className: "vs-hint" });
  const detail = make("p", { className: "vs-faint" });
  const again = button(say("connection.retry"), () => act.retry());

  const code = field(
    say("connection.code"),
    { spellcheck: "false", placeholder: "XXXXX-XXXXX", maxlength: "24" },
    { submitted: (typed) => pair(typed) },
  );
  const pair = (typed: string): void => {
    if (typed !== "") {
      act.pair(typed);
      code.input.value = "";
    }
  };
  const pairing = make(
    "div",
    { className: "vs-line" },
    code.element,
    button(say("connection.pair"), () => pair(code.input.value.trim())),
  );

  const port = field(
    say("connection.port"),
    { inputmode: "numeric", placeholder: "47821", maxlength: "5" },
    { submitted: (typed) => act.port(typed) },
  );
  const porting = make(
    "div",
    { className: "vs-line" },
    port.element,
    button(say("connection.port.save"), () => act.port(port.input.value.trim())),
  );

  const body = make("div", { className: "vs-body" }, hint, detail, again, pairing, porting);
  const element = make("section", { className: "vs-connection" }, make("div", { className: "vs-title" }, line, toggle), body);
  let open = false;

  return {
    element,
    show: ({ link, open: opened, port: kept }) => {
      open = opened.connection;
      const trouble = troubleOf(link);
      attribute(line, "data-kind", link.state);
      put(line, sentence(link));
      put(hint, trouble === null ? null : say(`trouble.${trouble}.hint`));
      put(detail, detailOf(link, open));
      attribute(toggle, "aria-expanded", String(open));
      reveal(again, link.state === "waiting" || (link.state === "stopped" && trouble !== "not_paired"));
      reveal(pairing, open || (trouble !== null && PAIRING.has(trouble)));
      reveal(porting, ports && (open || (trouble !== null && PORTS.has(trouble))));
      port.show(kept);
      reveal(body, open || trouble !== null);
    },
  };

  function sentence(link: Link): string {
    switch (link.state) {
      case "connected":
        return say("link.connected");
      case "connecting":
        return say("link.connecting");
      case "waiting":
        return `${say(`trouble.${link.trouble}`)} ${say("link.again", { seconds: link.seconds })}`;
      case "stopped":
        return say(`trouble.${link.trouble}`);
    }
  }

  function detailOf(link: Link, opened: boolean): string | null {
    if (link.state === "connected") {
      return opened ? say("connection.details", { version: link.version, port: link.port }) : null;
    }
    return link.state === "connecting" ? null : link.detail;
  }
}
