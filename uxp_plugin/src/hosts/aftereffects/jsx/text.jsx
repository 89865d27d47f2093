/** Text in and out: JSON, which ExtendScript lacks, and files. Nothing is added to the built-in objects: every script in
 *  After Effects shares them. */

/** @param {string} text @returns {string} `text` as a JSON string in ASCII, which survives every encoding on the way */
function quoted(text) {
  var out = '"';
  for (var i = 0; i < text.length; i++) {
    var c = text.charAt(i), code = text.charCodeAt(i);
    if ((c === '"') || (c === "\\")) {
      out += "\\" + c;
    } else if ((code < 32) || (code > 126)) {
      out += "\\u" + ("0000" + code.toString(16)).slice(-4);
    } else {
      out += c;
    }
  }
  return out + '"';
}

/** @param {any} value plain objects, arrays, strings, finite numbers, booleans, null @returns {string} */
function toJson(value) {
  var parts = [];
  if ((value === null) || (value === undefined)) {
    return "null";
  }
  if (typeof value === "string") {
    return quoted(value);
  }
  if (typeof value === "number") {
    return isFinite(value) ? String(value) : "null";
  }
  if (typeof value === "boolean") {
    return String(value);
  }
  if (value instanceof Array) {
    for (var i = 0; i < value.length; i++) {
      parts.push(toJson(value[i]));
    }
    return "[" + parts.join(",") + "]";
  }
  for (var name in value) {
    if (value.hasOwnProperty(name)) {
      parts.push(quoted(name) + ":" + toJson(value[name]));
    }
  }
  return "{" + parts.join(",") + "}";
}

/** @param {string} text @returns {any} Throws a Fault where `text` is no JSON. */
function fromJson(text) {
  var at = 0;

  /** @returns {string} */
  function next() {
    while ((at < text.length) && (" \t\r\n".indexOf(text.charAt(at)) >= 0)) {
      at++;
    }
    return text.charAt(at);
  }

  /** @param {string} word */
  function take(word) {
    if (text.substr(at, word.length) !== word) {
      throw faults.notJson();
    }
    at += word.length;
  }

  /** @returns {string} */
  function string() {
    var out = "";
    take('"');
    while (text.charAt(at) !== '"') {
      if (at >= text.length) {
        throw faults.notJson();
      }
      var c = text.charAt(at++);
      if (c === "\\") {
        c = text.charAt(at++);
        if (c === "u") {
          out += String.fromCharCode(parseInt(text.substr(at, 4), 16));
          at += 4;
        } else {
          var plain = "bfnrt".indexOf(c);
          out += plain < 0 ? c : "\b\f\n\r\t".charAt(plain);
        }
      } else {
        out += c;
      }
    }
    at++;
    return out;
  }

  /** @param {string} close @param {function(): void} one */
  function members(close, one) {
    at++;
    if (next() === close) {
      at++;
      return;
    }
    while (true) {
      one();
      if (next() === close) {
        at++;
        return;
      }
      take(",");
    }
  }

  /** @returns {any} */
  function value() {
    var c = next();
    if (c === '"') {
      return string();
    }
    if (c === "{") {
      /** @type {any} */
      var object = {};
      members("}", function () {
        next();
        var name = string();
        next();
        take(":");
        object[name] = value();
      });
      return object;
    }
    if (c === "[") {
      /** @type {any[]} */
      var list = [];
      members("]", function () {
        list.push(value());
      });
      return list;
    }
    if (c === "t") {
      take("true");
      return true;
    }
    if (c === "f") {
      take("false");
      return false;
    }
    if (c === "n") {
      take("null");
      return null;
    }
    var number = "";
    while ((at < text.length) && ("+-.0123456789eE".indexOf(text.charAt(at)) >= 0)) {
      number += text.charAt(at++);
    }
    if ((number === "") || isNaN(Number(number))) {
      throw faults.notJson();
    }
    return Number(number);
  }

  var whole = value();
  if (next() !== "") {
    throw faults.notJson();
  }
  return whole;
}

/** @param {string} path as the system writes it @returns {File} a File reads `%41` in a path as `A`, so `%` is escaped */
function fileAt(path) {
  return new File(path.split("%").join("%25"));
}

/** @param {string} path @returns {Folder} */
function folderAt(path) {
  return new Folder(path.split("%").join("%25"));
}

/** @param {string} path @returns {string | null} the text of a UTF-8 file; null where there is none */
function textOf(path) {
  var file = fileAt(path);
  file.encoding = "UTF-8";
  if (!file.open("r")) {
    return null;
  }
  var text = file.read();
  file.close();
  return text;
}

/** @param {string} path @param {string} text @param {string} lineFeed "Unix" or "Windows" */
function writeText(path, text, lineFeed) {
  var file = fileAt(path);
  file.encoding = "UTF-8";
  file.lineFeed = lineFeed;
  if (!(file.open("w") && file.write(text) && file.close())) {
    throw faults.notWritten(file.parent.fsName);
  }
}

/** @returns {boolean} */
function onWindows() {
  return $.os.indexOf("Windows") >= 0;
}
