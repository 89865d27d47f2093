/** Frames out of After Effects: a temporary composition is set up, saved as a PNG and removed. The person's own
 *  composition is never touched.
 *
 *  `saveFrameToPng` is undocumented, returns before the file is written and renders at the composition's Resolution.
 *  So the copy is set to full resolution, and a frame counts as there when the PNG's first and last bytes are. */

var STAGE = "Videoshop (temporary)";
var PNG_BEGINS = "\u0089PNG\r\n\u001a\n";
var PNG_ENDS = "\u0000\u0000\u0000\u0000IEND\u00aeB`\u0082";

/** The frames that are being written: path -> id of the temporary composition. @type {any} */
var staged = {};
var stageCount = 0;

/** @param {"picture" | "mask"} what
 *  @returns {{path: string, width: number, height: number, origin: {comp: number, layer: number}}}
 *  `origin` is where a result belongs; the file is there when `ready` says so. */
function begin(what) {
  var source = needSource();
  var path;
  removeStages();
  app.beginUndoGroup("Videoshop: take the frame");
  try {
    var stage = what === "mask" ? maskStage(source) : pictureStage(source);
    try {
      stage.resolutionFactor = [1, 1];
      path = saved(stage, source.comp.time);
    } catch (error) {
      stage.remove();
      throw error;
    }
    staged[path] = stage.id;
  } finally {
    app.endUndoGroup();
  }
  return {
    path: path,
    width: source.footage.width,
    height: source.footage.height,
    origin: { comp: source.comp.id, layer: source.layer.id }
  };
}

/** @param {string} path of `begin` @returns {boolean} whether the PNG is whole; its temporary composition is gone then */
function ready(path) {
  if (!staged.hasOwnProperty(path)) {
    throw faults.frameUnknown();
  }
  if (!isWholePng(fileAt(path))) {
    return false;
  }
  removeStages();
  return true;
}

/** @param {string} path of `begin`; its file and what is left of its composition go */
function discard(path) {
  if (!staged.hasOwnProperty(path)) {
    throw faults.frameUnknown();
  }
  removeStages();
  delete staged[path];
  fileAt(path).remove();
}

function discardAll() {
  for (var path in staged) {
    if (staged.hasOwnProperty(path)) {
      discard(path);
    }
  }
}

/** Remove this panel's temporary compositions, also those that a crash left behind. */
function removeStages() {
  var items = app.project.items, left = [], i;
  for (i = 1; i <= items.length; i++) {
    var item = items[i];
    if ((item instanceof CompItem) && (item.name === STAGE) && (item.comment === MARK)) {
      left.push(item);
    }
  }
  if (left.length === 0) {
    return;
  }
  app.beginUndoGroup("Videoshop: put the frame away");
  try {
    for (i = 0; i < left.length; i++) {
      var solids = solidsOf(left[i]);
      left[i].remove();
      for (var k = 0; k < solids.length; k++) {
        solids[k].remove();
      }
    }
  } finally {
    app.endUndoGroup();
  }
}

/** @param {CompItem} stage @returns {FootageItem[]} the solids that were made for it, and serve nothing else */
function solidsOf(stage) {
  var solids = [];
  for (var i = 1; i <= stage.numLayers; i++) {
    var layer = stage.layer(i);
    var item = layer instanceof AVLayer ? layer.source : null;
    if ((item instanceof FootageItem) && (item.mainSource instanceof SolidSource) && (item.comment === MARK)) {
      solids.push(item);
    }
  }
  return solids;
}

/** @param {Source} source @returns {CompItem} */
function pictureStage(source) {
  var what = taken(source);
  if (!what) {
    throw faults.nestedNotOneToOne(source.footage.name);
  }
  return what === "composition" ? wholeStage(source) : layerStage(source);
}

/** @param {Source} source @returns {CompItem} a copy of the composition, in which masks do not cut the clip */
function wholeStage(source) {
  var stage = source.comp.duplicate();
  stage.name = STAGE;
  stage.comment = MARK;
  for (var i = 1; i <= stage.numLayers; i++) {
    var layer = stage.layer(i);
    if ((layer instanceof AVLayer) && layer.guideLayer) {
      layer.enabled = false;
    }
  }
  openMasks(/** @type {AVLayer} */ (stage.layer(source.layer.index)));
  return stage;
}

/** @param {Source} source @returns {CompItem} the layer alone, pixel for pixel */
function layerStage(source) {
  var stage = emptyStage(source);
  source.layer.copyToComp(stage);
  var layer = /** @type {AVLayer} */ (stage.layer(1));
  openMasks(layer);
  layer.parent = null;
  layer.threeDLayer = false;
  layer.enabled = true;
  var middle = [source.footage.width / 2, source.footage.height / 2];
  var transform = groupOf(layer, "ADBE Transform Group");
  settle(propertyOf(transform, "ADBE Position"), middle);
  settle(propertyOf(transform, "ADBE Anchor Point"), middle);
  settle(propertyOf(transform, "ADBE Scale"), [100, 100]);
  settle(propertyOf(transform, "ADBE Rotate Z"), 0);
  settle(propertyOf(transform, "ADBE Opacity"), 100);
  return stage;
}

/** @param {Property<any>} property @param {any} value it gets at all times */
function settle(property, value) {
  if (property.expression !== "") {
    property.expression = "";
  }
  while (property.numKeys > 0) {
    property.removeKey(1);
  }
  property.setValue(value);
}

/** @param {AVLayer} layer of a temporary composition */
function openMasks(layer) {
  var masks = masksOf(layer);
  layer.locked = false;
  for (var i = 1; i <= masks.numProperties; i++) {
    maskOf(masks, i).maskMode = MaskMode.NONE;
  }
}

/** @param {Source} source @returns {CompItem} the layer's masks, white on black, in the clip's pixels */
function maskStage(source) {
  var masks = masksOf(source.layer), time = source.comp.time, i;
  if (masks.numProperties === 0) {
    throw faults.noMask();
  }
  var stage = emptyStage(source);
  addSolid(stage, [0, 0, 0]);
  var parade = masksOf(addSolid(stage, [1, 1, 1]));
  var outlines = true;
  for (i = 1; i <= masks.numProperties; i++) {
    outlines = outlines && (maskOf(masks, i).maskMode === MaskMode.NONE);
  }
  for (i = 1; i <= masks.numProperties; i++) {
    var from = maskOf(masks, i);
    var to = /** @type {MaskPropertyGroup} */ (parade.addProperty("ADBE Mask Atom"));
    to.maskMode = outlines ? MaskMode.ADD : from.maskMode;
    to.inverted = from.inverted;
    to.rotoBezier = from.rotoBezier;
    var names = ["ADBE Mask Shape", "ADBE Mask Feather", "ADBE Mask Opacity", "ADBE Mask Offset"];
    for (var k = 0; k < names.length; k++) {
      propertyOf(to, names[k]).setValue(propertyOf(from, names[k]).valueAtTime(time, false));
    }
  }
  return stage;
}

/** @param {Source} source @returns {CompItem} of the clip's size and the composition's times */
function emptyStage(source) {
  var f = source.footage;
  var stage = app.project.items.addComp(STAGE, f.width, f.height, f.pixelAspect, source.comp.duration, source.comp.frameRate);
  stage.comment = MARK;
  return stage;
}

/** @param {CompItem} stage @param {[number, number, number]} color @returns {AVLayer} */
function addSolid(stage, color) {
  var solid = stage.layers.addSolid(color, STAGE, stage.width, stage.height, stage.pixelAspect, stage.duration);
  solid.source.comment = MARK;
  return solid;
}

/** @param {CompItem} stage @param {number} time @returns {string} the path where the PNG is, or will be */
function saved(stage, time) {
  stageCount += 1;
  var name = "videoshop-" + new Date().getTime() + "-" + stageCount;
  if (typeof stage.saveFrameToPng !== "function") {
    return renderStill(stage, time, Folder.temp.fsName, name);
  }
  var path = Folder.temp.fsName + "/" + name + ".png";
  stage.saveFrameToPng(time, fileAt(path));
  return path;
}

/** @param {File} file @returns {boolean} */
function isWholePng(file) {
  file.encoding = "BINARY";
  if (!file.exists || (file.length < 57) || !file.open("r")) {
    return false;
  }
  var begins = file.read(PNG_BEGINS.length);
  file.seek(file.length - PNG_ENDS.length, 0);
  var ends = file.read(PNG_ENDS.length);
  file.close();
  return (begins === PNG_BEGINS) && (ends === PNG_ENDS);
}
