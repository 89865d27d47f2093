/** A result into the project: imported, and laid above the layer of its clip, in time with it. One undo step. */

/** @param {{layer: string | null, flat: string | null, start: number, name: string,
 *           origin: {comp: number, layer: number} | null}} result `start` is its first frame's index in the clip
 *  @returns {{rung: string, todo: string | null}} */
function bring(result) {
  var path = result.layer || result.flat || "";
  var file = fileAt(path);
  if ((path === "") || !file.exists) {
    throw faults.resultMissing(result.name);
  }
  var source = result.origin ? sourceAt(result.origin) : findSource(openComposition());
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

/** @param {{comp: number, layer: number}} origin @returns {Source | null} null where it was deleted since */
function sourceAt(origin) {
  var items = app.project.items;
  for (var i = 1; i <= items.length; i++) {
    var comp = items[i];
    if ((comp instanceof CompItem) && (comp.id === origin.comp)) {
      for (var k = 1; k <= comp.numLayers; k++) {
        var layer = comp.layer(k);
        if ((layer instanceof AVLayer) && (layer.id === origin.layer)) {
          return sourceIn(comp, layer);
        }
      }
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
