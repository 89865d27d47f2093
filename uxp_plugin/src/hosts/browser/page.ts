/** The bridge's own page: pairs by the code behind the address's #, then the stage and the panel. */

import { connectBridge } from "../../bridge/bridge.ts";
import { button, make } from "../../panel/dom.ts";
import { mount } from "../../panel/panel.ts";
import { languageOf, speaker, translated } from "../../panel/strings.ts";
import type { Complaint } from "../../panel/strings.ts";
import { arrivalOf } from "./arrival.ts";
import type { Arrival } from "./arrival.ts";
import { PageHost } from "./page_host.ts";
import { WebSettings } from "./settings.ts";
import { save, Stage } from "./stage.ts";

const CLIENT = "videoshop.client";

/** What stands behind the #. It leaves the address, so that no history or bookmark keeps a code. */
function arrived(): Arrival {
  const arrival = arrivalOf(location.hash);
  if (location.hash !== "") {
    history.replaceState(null, "", location.pathname);
  }
  return arrival;
}

function client(): string {
  const known = sessionStorage.getItem(CLIENT);
  const id = known ?? crypto.randomUUID();
  sessionStorage.setItem(CLIENT, id);
  return id;
}

function open(root: HTMLElement): void {
  const { code, setup } = arrived();
  const language = languageOf(navigator.language);
  const say = speaker(language);
  document.documentElement.lang = language;
  const settings = new WebSettings(sessionStorage, localStorage);
  const bridge = connectBridge({
    ports: [Number(location.port === "" ? 80 : location.port)],
    host: "Browser page",
    settings,
    discover: async () => ({ port: null, token: null }),
    clientId: client(),
  });
  const host = new PageHost(settings, bridge, say);
  const stage = new Stage(host, bridge, { say, fault: (complaint: Complaint) => translated(complaint, language) });
  const notice = make("div", { className: "notice", attributes: { role: "status" } });
  host.onReveal = (path) => {
    const text = make("p", { text: say("page.reveal", { path }) });
    const copy = button(say("page.copy"), () => void navigator.clipboard.writeText(path));
    const close = button(say("act.dismiss"), () => notice.replaceChildren());
    notice.replaceChildren(text, make("div", { className: "vs-buttons" }, copy, close));
    notice.scrollIntoView({ block: "nearest" });
  };
  const panel = make("div", { className: "side" });
  stage.element.classList.add("vs-panel");
  notice.classList.add("vs-panel");
  root.append(stage.element, make("div", { className: "right" }, notice, panel));
  const mounted = mount(panel, bridge, host, {
    language,
    ports: false,
    grant: (clip) => host.grant(clip),
    save,
    code,
    setup,
    links: true,
  });
  addEventListener("hashchange", () => {
    const fresh = arrived();
    if (fresh.code !== null) {
      bridge.pair(fresh.code).catch(() => undefined); // the connection's line says it
    }
    if (fresh.setup) {
      mounted.showSetup();
    }
  });
}

const root = document.getElementById("page");
if (location.hostname !== "localhost") {
  location.replace(`${location.protocol}//localhost:${location.port}/${location.hash}`); // the bridge's one origin here
} else if (root !== null) {
  open(root);
}
