/** One door for the panel: a call's name and its arguments as JSON in, the answer or a fault as JSON out. */

/** @returns {{name: string, config: string}} the program, and the folder of the service's token and discovery file */
function hello() {
  return { name: "After Effects " + app.version.split("x")[0], config: configFolder() };
}

/** @returns {string} as `bridge_server/desktop/paths.py` says */
function configFolder() {
  var moved = $.getenv("VIDEOSHOP_CONFIG");
  if (moved) {
    return moved;
  }
  if (onWindows()) {
    return ($.getenv("LOCALAPPDATA") || (Folder.userData.parent.fsName + "\\Local")) + "\\videoshop";
  }
  return Folder.userData.fsName + "/videoshop";
}

/** @returns {{path: string, name: string, from: string} | null} */
function choose() {
  var file = File.openDialog("The video that this composition edits");
  return file instanceof File ? { path: file.fsName, name: file.displayName, from: "asked" } : null;
}

/** @param {string} path shown in the system's own file window */
function reveal(path) {
  var file = fileAt(path);
  var folder = file.exists ? file.parent : folderAt(path);
  if (!folder.exists) {
    throw faults.nothingThere(path);
  }
  folder.execute();
}

/** @type {any} */
var CALLS = { hello: hello, look: look, pulse: pulse, begin: begin, ready: ready, discard: discard, bring: bring, choose: choose, reveal: reveal };

/** @param {string} request `{"call": name, "with": argument}` @returns {string} `{"ok": answer}` or `{"fault": {code, message, hint}}` */
function call(request) {
  try {
    var asked = fromJson(request);
    if (!CALLS.hasOwnProperty(asked.call)) {
      throw faults.unknownCall(asked.call);
    }
    return toJson({ ok: CALLS[asked.call](asked["with"]) });
  } catch (error) {
    return toJson({ fault: asFault(error) });
  }
}

/** @param {any} error @returns {Fault} */
function asFault(error) {
  return error instanceof Fault ? error : faults.unforeseen(error);
}
