/** A frame by the render queue, for versions of After Effects without `saveFrameToPng`. It blocks while it renders. */

/** @param {CompItem} comp @param {number} time @param {string} folder @param {string} name @returns {string} the PNG's path */
function renderStill(comp, time, folder, name) {
  var queue = app.project.renderQueue, paused = [], i;
  var item = queue.items.add(comp);
  try {
    var template = pngTemplate(item.outputModule(1));
    item.timeSpanStart = time;
    item.timeSpanDuration = comp.frameDuration;
    item.outputModule(1).applyTemplate(template);
    item.outputModule(1).file = fileAt(folder + "/" + name + "_[#####].png");
    for (i = 1; i <= queue.numItems; i++) {
      var other = queue.item(i);
      if ((other !== item) && (other.status === RQItemStatus.QUEUED)) {
        other.render = false;
        paused.push(other);
      }
    }
    queue.render();
  } finally {
    item.remove();
    for (i = 0; i < paused.length; i++) {
      paused[i].render = true;
    }
  }
  var written = folderAt(folder).getFiles(name + "_*.png");
  if (written.length !== 1) {
    throw faults.notRendered();
  }
  return written[0].fsName;
}

/** @param {OutputModule} output @returns {string} */
function pngTemplate(output) {
  for (var i = 0; i < output.templates.length; i++) {
    if (/png/i.test(output.templates[i])) {
      return output.templates[i];
    }
  }
  throw faults.noStill();
}
