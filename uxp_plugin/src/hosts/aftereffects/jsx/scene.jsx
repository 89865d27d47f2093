/** What is looked at: the composition, the layer of the clip, the frame of the clip under the time. Changes nothing. */

/** Comment of layers and items that this panel made. */
var MARK = "Made by Videoshop";

/** Effects that show another time of the layer than the composition's. */
var RETIMING = ["ADBE Timewarp", "ADBE Posterize Time", "ADBE Echo", "ADBE Time Displacement", "CC Force Motion Blur", "CC Wide Time"];

/** Names of numbered images: the layer is a sequence, whose first file says nothing of the clip's first frame. */
var IMAGE = /\.(png|tiff?|jpe?g|exr|dpx|cin|psd|tga|bmp)$/i;

/** A layer of a clip: `layer` in `comp`, and where it is nested one level, `inner` in `layer`'s own composition.
 *  @typedef {{comp: CompItem, layer: AVLayer, inner: AVLayer | null, footage: FootageItem}} Source */

/** @returns {CompItem} */
function openComposition() {
  var item = app.project ? app.project.activeItem : null;
  if (!(item instanceof CompItem)) {
    throw faults.noComposition();
  }
  return item;
}

/** @param {any} item @returns {item is FootageItem} whether it is a clip: moving pictures in a file */
function isClip(item) {
  return (item instanceof FootageItem) && (item.mainSource instanceof FileSource) && item.hasVideo && !item.mainSource.isStill;
}

/** @param {any} layer @returns {layer is AVLayer} */
function isPicture(layer) {
  return (layer instanceof AVLayer) && layer.hasVideo && !layer.adjustmentLayer && !layer.guideLayer && (layer.comment !== MARK);
}

/** @param {CompItem} comp @param {AVLayer} layer @returns {Source | null} */
function sourceIn(comp, layer) {
  var item = layer.source;
  if (isClip(item)) {
    return { comp: comp, layer: layer, inner: null, footage: item };
  }
  if (item instanceof CompItem) {
    var time = comp.time - layer.startTime;
    for (var i = 1; i <= item.numLayers; i++) {
      var inner = item.layer(i);
      if (isPicture(inner) && isClip(inner.source) && inner.activeAtTime(time)) {
        return { comp: comp, layer: layer, inner: inner, footage: inner.source };
      }
    }
  }
  return null;
}

/** @param {CompItem} comp @returns {Source | null} the clip of the first selected layer that has one, else the topmost */
function findSource(comp) {
  var chosen = comp.selectedLayers, i, layer, found;
  for (i = 0; i < chosen.length; i++) {
    layer = chosen[i];
    found = isPicture(layer) ? sourceIn(comp, layer) : null;
    if (found) {
      return found;
    }
  }
  for (i = 1; i <= comp.numLayers; i++) {
    layer = comp.layer(i);
    found = isPicture(layer) && layer.activeAtTime(comp.time) ? sourceIn(comp, layer) : null;
    if (found) {
      return found;
    }
  }
  return null;
}

/** @returns {Source} */
function needSource() {
  var source = findSource(openComposition());
  if (!source) {
    throw faults.noClip();
  }
  if (source.footage.footageMissing) {
    throw faults.clipMissing(source.footage.name);
  }
  if ((source.comp.time < source.layer.inPoint) || (source.comp.time >= source.layer.outPoint)) {
    throw faults.outside(source.layer.name);
  }
  return source;
}

/** @param {AVLayer} layer @returns {string | null} why its time is not the clip's time plus a constant */
function retimed(layer) {
  if (layer.timeRemapEnabled) {
    return "the layer “" + layer.name + "” is time-remapped";
  }
  if (Math.abs(layer.stretch - 100) > 0.0001) {
    return "the layer “" + layer.name + "” is stretched to " + layer.stretch + " %";
  }
  var effects = groupOf(layer, "ADBE Effect Parade");
  for (var i = 1; i <= effects.numProperties; i++) {
    var effect = effects.property(i);
    for (var k = 0; k < RETIMING.length; k++) {
      if (effect.enabled && (effect.matchName === RETIMING[k])) {
        return "the effect “" + effect.name + "” changes the time of the layer “" + layer.name + "”";
      }
    }
  }
  return null;
}

/** @param {Source} source @returns {string | null} why a frame's number cannot be read off the time */
function uncounted(source) {
  var main = source.footage.mainSource;
  var layers = source.inner ? [source.layer, source.inner] : [source.layer];
  for (var i = 0; i < layers.length; i++) {
    var why = retimed(layers[i]);
    if (why) {
      return why;
    }
  }
  if (source.inner && source.layer.source.preserveNestedFrameRate) {
    return "the nested composition keeps its own frame rate";
  }
  if (main.loop !== 1) {
    return "the footage loops";
  }
  if (main.removePulldown !== PulldownPhase.OFF) {
    return "pulldown is removed from the footage";
  }
  if (isSequence(source.footage)) {
    return "a sequence may begin after the first image of its folder";
  }
  return null;
}

/** @param {FootageItem} footage @returns {boolean} */
function isSequence(footage) {
  return IMAGE.test(footage.mainSource.file ? footage.mainSource.file.name : "");
}

/** @param {FootageItem} footage @returns {string | null} the file, of a sequence its folder; null where it is missing */
function clipPath(footage) {
  var file = footage.footageMissing ? null : footage.mainSource.file;
  if (!file) {
    return null;
  }
  return isSequence(footage) ? file.parent.fsName : file.fsName;
}

/** @param {Source} source @returns {number} the composition's time of the clip's first frame, in seconds */
function clipStart(source) {
  return source.layer.startTime + (source.inner ? source.inner.startTime : 0);
}

/** @param {Source} source @returns {number | null} index of the clip's frame under the time; null where it is not sure */
function frameOf(source) {
  if (uncounted(source)) {
    return null;
  }
  // Times are kept as fractions of a second: a frame's own time may lie a little before it.
  var index = Math.floor((source.comp.time - clipStart(source)) * source.footage.frameRate + 0.01);
  var count = Math.round(source.footage.duration * source.footage.frameRate);
  return (index >= 0) && (index < count) ? index : null;
}

/** @param {AVLayer} layer @param {CompItem} comp @returns {boolean} whether its pixels are the composition's pixels now */
function oneToOne(layer, comp) {
  var w = layer.source.width, h = layer.source.height;
  if (layer.threeDLayer || (w !== comp.width) || (h !== comp.height) || (Math.abs(layer.source.pixelAspect - comp.pixelAspect) > 0.001)) {
    return false;
  }
  /** @type {[number, number][]} */
  var corners = [[0, 0], [w, 0], [0, h]];
  for (var i = 0; i < corners.length; i++) {
    var there = layer.sourcePointToComp(corners[i]);
    if ((Math.abs(there[0] - corners[i][0]) > 0.01) || (Math.abs(there[1] - corners[i][1]) > 0.01)) {
      return false;
    }
  }
  return true;
}

/** @param {Source} source @returns {"composition" | "layer" | null} what is taken as the edited frame */
function taken(source) {
  if (source.inner) {
    return oneToOne(source.inner, source.layer.source) && oneToOne(source.layer, source.comp) ? "composition" : null;
  }
  return oneToOne(source.layer, source.comp) ? "composition" : "layer";
}

/** @param {PropertyBase} group @param {string} name @returns {PropertyGroup} */
function groupOf(group, name) {
  return /** @type {PropertyGroup} */ (group.property(name));
}

/** @param {PropertyBase} group @param {string} name @returns {Property<any>} */
function propertyOf(group, name) {
  return /** @type {Property<any>} */ (group.property(name));
}

/** @param {PropertyBase} layer @returns {PropertyGroup} */
function masksOf(layer) {
  return groupOf(layer, "ADBE Mask Parade");
}

/** @param {PropertyGroup} masks @param {number} index from 1 @returns {MaskPropertyGroup} */
function maskOf(masks, index) {
  return /** @type {MaskPropertyGroup} */ (masks.property(index));
}

/** @param {Source} source @returns {string[]} what the person should know */
function notesOn(source) {
  var notes = [], what = taken(source), why = uncounted(source);
  if (source.footage.footageMissing) {
    notes.push(faults.clipMissing(source.footage.name).message);
  }
  if (why) {
    notes.push("The frame's number is looked for in the clip: " + why + ".");
  }
  if (what === "layer") {
    notes.push("Only what is on the layer itself (paint, effects) is taken: the composition does not show it pixel for pixel.");
  } else if (!what) {
    notes.push(faults.nestedNotOneToOne(source.footage.name).message);
  }
  if (source.footage.useProxy) {
    notes.push("The clip's proxy is in use: the frame is taken from the proxy.");
  }
  if (source.layer.frameBlending && source.comp.frameBlending && (Math.abs(source.comp.frameRate - source.footage.frameRate) > 0.01)) {
    notes.push("Frame blending mixes two frames of the clip: switch it off for the edit.");
  }
  return notes;
}

/** @returns {any} the Scene of `hosts/host.ts` without its thumbnail; `key` names the composition */
function look() {
  var comp = app.project ? app.project.activeItem : null;
  if (!(comp instanceof CompItem)) {
    return { document: null, key: null, clip: null, frame: null, mask: null, notes: [faults.noComposition().message] };
  }
  var source = findSource(comp);
  if (!source) {
    return { document: comp.name, key: keyOf(comp), clip: null, frame: null, mask: null, notes: [faults.noClip().message] };
  }
  var path = clipPath(source.footage);
  var masks = masksOf(source.layer).numProperties;
  return {
    document: comp.name,
    key: keyOf(comp),
    clip: path ? { path: path, name: source.footage.name, from: "footage" } : null,
    frame: frameOf(source),
    mask: masks > 0 ? (masks === 1 ? "the layer's mask" : "the layer's " + masks + " masks") : null,
    notes: notesOn(source)
  };
}

/** @param {CompItem} comp @returns {string} names this composition of this project from one start to the next */
function keyOf(comp) {
  return (app.project.file ? app.project.file.fsName : "unsaved") + "#" + comp.id;
}

/** @returns {string} changes whenever `look` may see something else */
function pulse() {
  var item = app.project ? app.project.activeItem : null;
  if (!(item instanceof CompItem)) {
    return "";
  }
  var marks = [keyOf(item), item.time, item.numLayers, item.name];
  for (var i = 0; i < item.selectedLayers.length; i++) {
    var layer = item.selectedLayers[i];
    marks.push(layer.id, isPicture(layer) ? masksOf(layer).numProperties : 0);
  }
  return marks.join("|");
}
