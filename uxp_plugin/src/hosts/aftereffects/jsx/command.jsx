/** The `videoshop` command in the background. `system.callSystem` blocks After Effects until what it started ends, so
 *  it starts a small script of the system's shell that starts the command and returns; the command's end is a file. */

/** A started command: its folder, and on Windows the title of its console window.
 *  @typedef {{folder: string, title: string}} Started */

/** @param {string} text @returns {string} one word for /bin/sh */
function shellWord(text) {
  return "'" + text.split("'").join("'\\''") + "'";
}

/** @param {string} text @returns {string} one word for a .bat file; a Windows path has no quotation mark in it */
function batchWord(text) {
  return '"' + text.split("%").join("%%") + '"';
}

/** @param {string[]} words the command and its arguments @returns {Started} */
function startCommand(words) {
  var title = "Videoshop-" + new Date().getTime();
  var folder = Folder.temp.fsName + (onWindows() ? "\\" : "/") + title;
  if (!folderAt(folder).create()) {
    throw faults.notWritten(Folder.temp.fsName);
  }
  if (onWindows()) {
    writeText(folder + "\\run.bat", batchFile(folder, words), "Windows");
    system.callSystem('cmd.exe /c start "' + title + '" /min "' + folder + '\\run.bat"');
  } else {
    writeText(folder + "/run.sh", shellFile(folder, words), "Unix");
    system.callSystem("/bin/sh -c " + shellWord("nohup /bin/sh " + shellWord(folder + "/run.sh") + " > /dev/null 2>&1 &"));
  }
  return { folder: folder, title: title };
}

/** @param {string} folder @param {string[]} words @returns {string} programs started from the Dock have a short PATH */
function shellFile(folder, words) {
  var command = [];
  for (var i = 0; i < words.length; i++) {
    command.push(shellWord(words[i]));
  }
  return [
    'PATH="$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin:$PATH"',
    "export PATH",
    "cd " + shellWord(folder) + " || exit 1",
    command.join(" ") + " > log.txt 2>&1 &",
    "echo $! > pid.txt",
    "wait $!",
    "echo $? > exit.part",
    "mv exit.part exit.txt",
    ""
  ].join("\n");
}

/** @param {string} folder @param {string[]} words @returns {string} */
function batchFile(folder, words) {
  var command = [];
  for (var i = 0; i < words.length; i++) {
    command.push(batchWord(words[i]));
  }
  return [
    "@echo off",
    "chcp 65001 > nul",
    "cd /d " + batchWord(folder),
    command.join(" ") + " > log.txt 2>&1",
    "> exit.part echo %errorlevel%",
    "move /y exit.part exit.txt > nul",
    "exit",
    ""
  ].join("\n");
}

/** @param {Started} started @returns {number | null} the command's exit code; null while it runs */
function exitOf(started) {
  var text = textOf(started.folder + "/exit.txt");
  return text === null ? null : parseInt(text, 10);
}

/** @param {Started} started @param {number} code @param {string} command @returns {Fault} what the command complained of */
function complaint(started, code, command) {
  if ((code === 127) || (code === 9009)) {
    return faults.noCommand(command);
  }
  var lines = (textOf(started.folder + "/log.txt") || "").split("\n");
  var message = "The videoshop command ended with code " + code + ".", hint = "Run `videoshop doctor`: it names what is wrong.";
  for (var i = 0; i < lines.length; i++) {
    if (lines[i].indexOf("Error: ") === 0) {
      message = lines[i].substr(7);
    } else if (lines[i].indexOf("Hint: ") === 0) {
      hint = lines[i].substr(6);
    }
  }
  return new Fault("command.failed", message, hint);
}

/** @param {Started} started */
function stopCommand(started) {
  if (onWindows()) {
    system.callSystem('cmd.exe /c taskkill /F /T /FI "WINDOWTITLE eq ' + started.title + '*"');
    return;
  }
  var pid = parseInt(textOf(started.folder + "/pid.txt") || "", 10);
  if (pid > 1) {
    system.callSystem("/bin/kill -TERM " + pid);
  }
}

/** @param {Started} started */
function clearAway(started) {
  var folder = folderAt(started.folder), files = folder.getFiles();
  for (var i = 0; i < files.length; i++) {
    files[i].remove();
  }
  folder.remove();
}
