/** The dockable panel without CEP: takes the frame, runs the `videoshop` command beside After Effects, imports the layer.
 *  Each step returns the next one, or itself while it waits; `app.scheduleTask` calls the steps, so that After Effects
 *  stays free between them. */

var SECTION = "Videoshop";
var TICK_MS = 250;
var FRAME_SECONDS = 120;

/** What the panel shows, and what runs. @type {any} */
var ui = {};
/** @type {Function | null} */
var step = null;
/** @type {number} */
var task = 0;
/** @type {Started | null} */
var commanded = null;

/** @param {any} container the panel that After Effects gives to scripts in its ScriptUI Panels folder, else its global object */
function openPanel(container) {
  /** @type {any} */
  var w = container instanceof Panel ? container : new Window("palette", "Videoshop", undefined, { resizeable: true });
  w.orientation = "column";
  w.alignChildren = ["fill", "top"];
  ui.scene = w.add("statictext", undefined, "", { multiline: true });
  ui.scene.preferredSize = [280, 72];
  ui.propagate = w.add("button", undefined, "Propagate to video");
  ui.propagate.onClick = propagate;
  ui.stop = w.add("button", undefined, "Stop");
  ui.stop.onClick = stop;
  ui.again = w.add("button", undefined, "Look again");
  ui.again.onClick = show;
  ui.status = w.add("statictext", undefined, "", { multiline: true });
  ui.status.preferredSize = [280, 72];
  w.add("statictext", undefined, "Command of the service:");
  ui.command = w.add("edittext", undefined, commandName());
  ui.command.onChange = function () {
    app.settings.saveSetting(SECTION, "command", ui.command.text);
  };
  w.onResizing = w.onResize = function () {
    w.layout.resize();
  };
  show();
  enable();
  w.layout.layout(true);
  if (w instanceof Window) {
    w.center();
    w.show();
  }
}

/** @returns {string} */
function commandName() {
  return app.settings.haveSetting(SECTION, "command") ? app.settings.getSetting(SECTION, "command") : "videoshop";
}

/** Show what would be propagated now. */
function show() {
  var scene = look();
  var lines = [scene.document || ""];
  if (scene.clip) {
    lines.push(scene.clip.name + ", " + (scene.frame === null ? "frame to be found" : "frame " + scene.frame));
    lines.push("Mask: " + (scene.mask || "what differs from the clip"));
  }
  ui.scene.text = lines.concat(scene.notes).join("\n");
}

/** @param {string} text */
function say(text) {
  ui.status.text = text;
}

function enable() {
  ui.propagate.enabled = step === null;
  ui.stop.enabled = step !== null;
}

/** One step, and the next one later. Called by After Effects as `videoshopScript.tick()`. */
function tick() {
  if (step === null) {
    return;
  }
  try {
    step = step();
  } catch (error) {
    var fault = asFault(error);
    say(fault.message + "\n" + fault.hint);
    end();
  }
  enable();
  if (step !== null) {
    task = app.scheduleTask("videoshopScript.tick()", TICK_MS, false);
  }
}

function propagate() {
  if (step !== null) {
    return;
  }
  show();
  step = takeFrames;
  tick();
}

function stop() {
  app.cancelTask(task);
  if (commanded) {
    stopCommand(commanded);
  }
  end();
  say("Stopped.");
  enable();
}

/** No step is left; what was made on the way goes. */
function end() {
  step = null;
  if (commanded && (exitOf(commanded) !== null)) {
    clearAway(commanded);
  }
  commanded = null;
  discardAll();
}

/** @returns {Function} */
function takeFrames() {
  var picture = begin("picture"), scene = look();
  say("After Effects writes the frame.");
  return awaited(picture.path, function () {
    if (!scene.mask) {
      return started(scene, picture, null);
    }
    var mask = begin("mask");
    return awaited(mask.path, function () {
      return started(scene, picture, mask.path);
    });
  });
}

/** @param {string} path @param {function(): Function | null} then @returns {Function} a step that waits for the PNG */
function awaited(path, then) {
  var until = new Date().getTime() + FRAME_SECONDS * 1000;
  return function wait() {
    if (ready(path)) {
      return then();
    }
    if (new Date().getTime() > until) {
      throw faults.tooSlow(FRAME_SECONDS);
    }
    return wait;
  };
}

/** @param {any} scene @param {{path: string, origin: any}} picture @param {string | null} mask @returns {Function} */
function started(scene, picture, mask) {
  var output = outputFolder(scene.clip.name), command = ui.command.text, begun = new Date().getTime();
  var words = [command, "propagate", scene.clip.path, "--edited", picture.path, "--output", output, "--format", "mov"];
  if (scene.frame !== null) {
    words.push("--frame", String(scene.frame));
  }
  if (mask) {
    words.push("--mask", mask);
  }
  var job = startCommand(words);
  commanded = job;
  return function wait() {
    var code = exitOf(job);
    if (code === null) {
      var seconds = Math.round((new Date().getTime() - begun) / 1000);
      say("The edit is carried through the clip: " + seconds + " s so far. The command tells no percentage; you can go on working.");
      return wait;
    }
    if (code !== 0) {
      throw complaint(job, code, command);
    }
    bringResult(scene, output, picture.origin);
    end();
    return null;
  };
}

/** @param {any} scene @param {string} output @param {any} origin */
function bringResult(scene, output, origin) {
  var report = fromJson(textOf(output + "/report.json") || "");
  var name = scene.clip.name + " (Videoshop)";
  var done = bring({ layer: output + "/layer.mov", flat: null, start: report.range[0], name: name, clip: scene.clip.path, origin: origin });
  var lines = [done.todo || "Done: “" + name + "” lies above the clip."];
  say(lines.concat(report.quality.warnings).join("\n"));
}

/** @param {string} clip @returns {string} a new folder beside the project, which refers to what is in it from now on */
function outputFolder(clip) {
  var home = app.project.file ? app.project.file.parent : Folder.myDocuments;
  var all = folderAt(home.fsName + "/Videoshop");
  var one = folderAt(all.fsName + "/" + clip.replace(/[^A-Za-z0-9_-]+/g, "_") + "-" + new Date().getTime());
  if (!((all.exists || all.create()) && one.create())) {
    throw faults.notWritten(home.fsName);
  }
  return one.fsName;
}
