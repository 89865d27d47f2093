/** Settings in the extension's own storage. CEP has no secure storage: the token is normally read from the bridge's file,
 *  and only one that came by a pairing code is kept here, in the person's profile. */

import type { Settings } from "../host.ts";

const PREFIX = "videoshop.";

export function settingsIn(storage: Storage): Settings {
  return {
    get: (name) => Promise.resolve(storage.getItem(PREFIX + name)),
    set: (name, value) => {
      storage.setItem(PREFIX + name, value);
      return Promise.resolve();
    },
    remove: (name) => {
      storage.removeItem(PREFIX + name);
      return Promise.resolve();
    },
  };
}
