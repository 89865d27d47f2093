/** What After Effects refuses, as {code, message, hint}: the answer of a call that failed. */

/** @param {any} error @returns {string} */
function messageOf(error) {
  return (error && error.message) || String(error);
}

/** @constructor @param {string} code @param {string} message @param {string} hint */
function Fault(code, message, hint) {
  this.code = code;
  this.message = message;
  this.hint = hint;
}

var faults = {
  noComposition: function () {
    return new Fault(
      "scene.none",
      "No composition is open.",
      "Click into the timeline of the composition that holds your clip."
    );
  },
  noClip: function () {
    return new Fault(
      "scene.no_clip",
      "There is no video layer at this time in the composition.",
      "Select the layer of the clip, and place the time on the edited frame."
    );
  },
  clipMissing: /** @param {string} name */ function (name) {
    return new Fault(
      "scene.clip_missing",
      "The file of “" + name + "” is missing.",
      "Replace the footage, or put the file back."
    );
  },
  outside: /** @param {string} name */ function (name) {
    return new Fault(
      "scene.outside",
      "The time is outside the layer “" + name + "”.",
      "Place the time on the frame that you edited."
    );
  },
  nestedNotOneToOne: /** @param {string} name */ function (name) {
    return new Fault(
      "scene.not_one_to_one",
      "The composition does not show “" + name + "” pixel for pixel.",
      "Open the nested composition that holds the clip, at the clip's size, and edit there."
    );
  },
  noMask: function () {
    return new Fault("scene.no_mask", "The layer has no mask.", "Draw a mask around the edit, or go without one.");
  },
  noStill: function () {
    return new Fault(
      "frame.no_template",
      "This version of After Effects saves no frame by itself, and has no output template for PNG.",
      "Make an output module template whose name holds “PNG” (Edit > Templates > Output Module)."
    );
  },
  notRendered: function () {
    return new Fault(
      "frame.not_rendered",
      "After Effects did not render the frame.",
      "See the render queue for its reason, and try again."
    );
  },
  tooSlow: /** @param {number} seconds */ function (seconds) {
    return new Fault(
      "frame.too_slow",
      "After Effects did not write the frame within " + seconds + " s.",
      "Wait until After Effects is idle, and try again."
    );
  },
  noCommand: /** @param {string} command */ function (command) {
    return new Fault(
      "command.not_found",
      "There is no command “" + command + "”.",
      "Install Videoshop Bridge, or write the full path of its videoshop command into the panel."
    );
  },
  frameUnknown: function () {
    return new Fault("frame.unknown", "This frame was not asked for.", "Press Propagate again.");
  },
  resultMissing: /** @param {string} name */ function (name) {
    return new Fault("result.missing", "The result “" + name + "” is not there any more.", "Propagate again.");
  },
  notImported: /** @param {string} name @param {string} why */ function (name, why) {
    return new Fault(
      "result.not_imported",
      "After Effects did not import “" + name + "”: " + why,
      "Import the file by hand (File > Import); the panel shows it in its folder."
    );
  },
  nothingThere: /** @param {string} path */ function (path) {
    return new Fault("reveal.missing", "There is no “" + path + "” any more.", "Propagate again to make it.");
  },
  notWritten: /** @param {string} folder */ function (folder) {
    return new Fault(
      "script.not_written",
      "After Effects could not write into “" + folder + "”.",
      "Switch on “Allow Scripts to Write Files and Access Network” in the preferences, under Scripting & Expressions."
    );
  },
  notJson: function () {
    return new Fault("script.not_json", "A text is not JSON.", "Update the panel and the service to the same version.");
  },
  unknownCall: /** @param {string} name */ function (name) {
    return new Fault(
      "script.unknown_call",
      "The script does not know “" + name + "”.",
      "Restart After Effects: panel and script are of different versions."
    );
  },
  unforeseen: /** @param {any} error */ function (error) {
    var where = error && error.line ? " (line " + error.line + " of the script)" : "";
    return new Fault("host.failed", "After Effects refused: " + messageOf(error) + where, "Try again; if it stays, report this line.");
  }
};
