/** A result into the project: imported, and laid above the layer of its clip, in time with it. One undo step. */

/** @typedef {{comp: number, layer: number}} Origin the composition and the layer that a frame was taken of */

/** @param {{layer: string | null, flat: string | null, start: number, name: string, clip: string | null,
 *           origin: Origin | null}} result `start` is its first frame's index in `clip`, the clip's path
 *  @returns {{rung: string, todo: string | null}} */
function bring(result) {
  var path = result.layer || result.flat || "";
  var file = fileAt(path);
  if ((path === "") || !file.exists) {
    throw faults.resultMissing(result.name);
  }
  var source = placeOf(result);
  app.beginUndoGroup("Videoshop: " + result.name);
  try {
    var item = imported(file);
    item.name = result.name;
    item.comment = MARK;
    if (result.layer && item.mainSource.hasAlpha) {
      item.mainSource.alphaMode = AlphaMode.STRAIGHT;
    }
    if (!source) {
      return { rung: "project", todo: "Drag “" + result.name + "” from the project above your clip: its composition is gone." };
    }
    item.parentFolder = source.footage.parentFolder;
    if (Math.abs(item.frameRate - source.footage.frameRate) > 0.001) {
      item.mainSource.conformFrameRate = source.footage.frameRate;
    }
    return layAbove(source, item, result);
  } finally {
    app.endUndoGroup();
  }
}

/** @param {{clip: string | null, origin: Origin | null}} result
 *  @returns {Source | null} where the frame was taken; if that is gone, another layer of the clip, the open composition first */
function placeOf(result) {
  var comps = [], open = app.project.activeItem, items = app.project.items, i, source;
  if (open instanceof CompItem) {
    comps.push(open);
  }
  for (i = 1; i <= items.length; i++) {
    var item = items[i];
    if (item instanceof CompItem) {
      comps.push(item);
    }
  }
  for (i = 0; i < comps.length; i++) {
    source = result.origin && (comps[i].id === result.origin.comp) ? layerOf(comps[i], result.clip, result.origin.layer) : null;
    if (source) {
      return source;
    }
  }
  for (i = 0; result.clip && (i < comps.length); i++) {
    source = layerOf(comps[i], result.clip, null);
    if (source) {
      return source;
    }
  }
  return !result.clip && !result.origin && (open instanceof CompItem) ? findSource(open) : null;
}

/** @param {CompItem} comp @param {string | null} clip @param {number | null} id
 *  @returns {Source | null} the layer of that id, or the topmost, that shows the clip */
function layerOf(comp, clip, id) {
  for (var k = 1; k <= comp.numLayers; k++) {
    var layer = comp.layer(k);
    var source = isPicture(layer) && ((id === null) || (layer.id === id)) ? sourceIn(comp, layer) : null;
    if (source && ((clip === null) || (clip === clipPath(source.footage)))) {
      return source;
    }
  }
  return null;
}

/** @param {File} file @returns {FootageItem} */
function imported(file) {
  try {
    var options = new ImportOptions(file);
    options.importAs = ImportAsType.FOOTAGE;
    options.sequence = false;
    var item = app.project.importFile(options);
    if (item instanceof FootageItem) {
      return item;
    }
  } catch (error) {
    throw faults.notImported(file.displayName, messageOf(error));
  }
  throw faults.notImported(file.displayName, "it is no footage.");
}

/** @param {Source} source @param {FootageItem} item @param {{start: number, name: string}} result
 *  @returns {{rung: string, todo: string | null}} */
function layAbove(source, item, result) {
  var why = uncounted(source);
  var below = source.layer;
  var layer = source.comp.layers.add(item);
  layer.name = result.name;
  layer.comment = MARK;
  layer.moveBefore(below);
  layer.startTime = clipStart(source) + result.start / source.footage.frameRate;
  if (layer.inPoint < below.inPoint) {
    layer.inPoint = below.inPoint;
  }
  if (layer.outPoint > below.outPoint) {
    layer.outPoint = below.outPoint;
  }
  if (moves(below)) {
    follow(layer, below, item);
  }
  return {
    rung: "layer",
    todo: why && !isSequence(source.footage) ? "Give the new layer the timing of the clip's layer: " + why + "." : null
  };
}

/** @param {AVLayer} layer @returns {boolean} whether it is not, at all times, where a new layer lies */
function moves(layer) {
  var transform = groupOf(layer, "ADBE Transform Group");
  var names = ["ADBE Anchor Point", "ADBE Position", "ADBE Position_0", "ADBE Position_1", "ADBE Scale", "ADBE Rotate Z"];
  for (var i = 0; i < names.length; i++) {
    var property = propertyOf(transform, names[i]);
    if (property && ((property.numKeys > 0) || property.expressionEnabled)) {
      return true;
    }
  }
  return (layer.parent !== null) || !oneToOne(layer, layer.containingComp);
}

/** Bind a layer to the one below, pixel on pixel.
 *  @param {AVLayer} layer @param {AVLayer} below @param {FootageItem} item */
function follow(layer, below, item) {
  layer.threeDLayer = below.threeDLayer;
  layer.setParentWithJump(below);
  var middle = [item.width / 2, item.height / 2];
  var transform = groupOf(layer, "ADBE Transform Group");
  propertyOf(transform, "ADBE Anchor Point").setValue(middle);
  propertyOf(transform, "ADBE Position").setValue(middle);
  propertyOf(transform, "ADBE Scale").setValue([100, 100]);
}
