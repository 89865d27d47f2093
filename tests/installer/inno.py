"""The grammar of an Inno Setup 6 script, as far as ours goes, from its documentation: what it would refuse."""

import re
from collections.abc import Iterator

SETUP = {
    *("AppId", "AppName", "AppVersion", "AppVerName", "AppPublisher", "AppComments", "DefaultDirName"),
    *("DisableProgramGroupPage", "PrivilegesRequired", "ArchitecturesAllowed", "ArchitecturesInstallIn64BitMode"),
    *("MinVersion", "LicenseFile", "SetupIconFile", "UninstallDisplayIcon", "UninstallDisplayName"),
    *("VersionInfoVersion", "OutputDir", "OutputBaseFilename", "Compression", "SolidCompression", "WizardStyle"),
    *("CloseApplications", "RestartApplications"),
}
VALUES = {
    "DisableProgramGroupPage": {"yes", "no", "auto"},
    "PrivilegesRequired": {"none", "poweruser", "admin", "lowest"},
    "SolidCompression": {"yes", "no"},
    "WizardStyle": {"classic", "modern"},
    "CloseApplications": {"yes", "no", "force"},
    "RestartApplications": {"yes", "no"},
    "Compression": {"zip", "bzip", "lzma", "lzma/max", "lzma2", "lzma2/max", "lzma2/ultra64", "none"},
}
COMMON = {
    "Languages",
    "Tasks",
    "Components",
    "Check",
    "MinVersion",
    "OnlyBelowVersion",
    "BeforeInstall",
    "AfterInstall",
}
PARAMETERS = {
    "Languages": ({"Name", "MessagesFile"}, {"LicenseFile", "InfoBeforeFile", "InfoAfterFile"}),
    "Tasks": ({"Name", "Description"}, {"GroupDescription", "Flags"}),
    "InstallDelete": ({"Type", "Name"}, set()),
    "Files": ({"Source", "DestDir"}, {"DestName", "Excludes", "Flags", "Attribs", "Permissions"}),
    "Icons": (
        {"Name", "Filename"},
        {"Parameters", "WorkingDir", "HotKey", "Comment", "IconFilename", "IconIndex", "AppUserModelID", "Flags"},
    ),
    "Registry": ({"Root", "Subkey"}, {"ValueType", "ValueName", "ValueData", "Permissions", "Flags"}),
    "Run": ({"Filename"}, {"Description", "Parameters", "WorkingDir", "StatusMsg", "RunOnceId", "Verb", "Flags"}),
    "UninstallRun": ({"Filename"}, {"Parameters", "WorkingDir", "StatusMsg", "RunOnceId", "Verb", "Flags"}),
}
"""Section: the parameters that an entry must have, and those that it may have beside the common ones."""
FLAGS = {
    "Tasks": {"checkablealone", "checkedonce", "dontinheritcheck", "exclusive", "restart", "unchecked"},
    "Files": {"ignoreversion", "recursesubdirs", "createallsubdirs", "onlyifdoesntexist", "restartreplace", "sign"},
    "Icons": {"closeonexit", "createonlyiffileexists", "runmaximized", "runminimized", "uninsneveruninstall"},
    "Registry": {
        "createvalueifdoesntexist",
        "deletekey",
        "deletevalue",
        "dontcreatekey",
        "noerror",
        "preservestringtype",
    }
    | {"uninsclearvalue", "uninsdeletekey", "uninsdeletekeyifempty", "uninsdeletevalue"},
    "Run": {"nowait", "postinstall", "skipifsilent", "runhidden", "unchecked", "waituntilterminated", "shellexec"},
    "UninstallRun": {"nowait", "runhidden", "waituntilterminated", "shellexec", "skipifdoesntexist"},
}
TYPES = {"files", "filesandordirs", "dirifempty"}
ROOTS = {"HKCR", "HKCU", "HKLM", "HKU", "HKCC", "HKA"}
VALUE_TYPES = {"none", "string", "expandsz", "multisz", "dword", "qword", "binary"}
CONSTANTS = {"app", "autopf", "autoprograms", "autodesktop", "localappdata", "userappdata", "tmp", "sys", "win"}
MESSAGES = {"CreateDesktopIcon", "LaunchProgram", "AdditionalIcons", "UninstallProgram"}
"""Messages that every language file defines, for {cm:…}."""


def faults(script: str) -> Iterator[str]:
    """What Inno Setup's compiler would refuse, each with its line."""
    section, tasks, used = "", set[str](), set[str]()
    directives: dict[str, str] = {}
    for number, line in enumerate(script.splitlines(), 1):
        if not line.strip() or line.startswith(";"):
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
            if section != "Setup" and section not in PARAMETERS:
                yield f"{number}: no section is called {section}"
        elif section == "Setup":
            name, equals, value = line.partition("=")
            yield from (f"{number}: {fault}" for fault in _directive(name, equals, value, directives))
            directives[name] = value
        elif section in PARAMETERS:
            entry = _entry(line)
            if entry is None:
                yield f"{number}: not a list of “name: value”: {line}"
                continue
            yield from (f"{number}: {fault}" for fault in _parameters(section, entry))
            if section == "Tasks":
                tasks.add(entry.get("Name", ""))
            used |= set(entry.get("Tasks", "").split())
        else:
            yield f"{number}: outside of a section"
    yield from (f"[Setup] lacks {name}" for name in ("AppName", "DefaultDirName") if name not in directives)
    if not {"AppVersion", "AppVerName"} & set(directives):
        yield "[Setup] lacks AppVersion or AppVerName"
    yield from (f"no task is called {task}" for task in used - tasks)


def _directive(name: str, equals: str, value: str, before: dict[str, str]) -> Iterator[str]:
    if not equals or name not in SETUP:
        yield f"no directive is called {name}"
    if name in before:
        yield f"{name} is given twice"
    if name in VALUES and value not in VALUES[name]:
        yield f"{name} cannot be {value}"
    if name == "VersionInfoVersion" and not re.fullmatch(r"\d+(\.\d+){0,3}", value):
        yield f"{value} is no version of a file"
    yield from _constants(value)


def _entry(line: str) -> dict[str, str] | None:
    """The parameters of an entry: words, or texts in quotes with their own doubled, between semicolons."""
    parameter = r'\s*(\w+):\s*(?:"((?:[^"]|"")*)"|([^";]*?))\s*'
    if not re.fullmatch(f"{parameter}(?:;{parameter})*", line):
        return None
    found = [(name, text.replace('""', '"') or word) for name, text, word in re.findall(f"{parameter}(?:;|$)", line)]
    return dict(found) if len(dict(found)) == len(found) else None


def _parameters(section: str, entry: dict[str, str]) -> Iterator[str]:
    must, may = PARAMETERS[section]
    yield from (f"[{section}] lacks {name}" for name in must - set(entry))
    yield from (f"[{section}] knows no {name}" for name in set(entry) - must - may - COMMON)
    yield from (
        f"[{section}] knows no flag {flag}" for flag in set(entry.get("Flags", "").split()) - FLAGS.get(section, set())
    )
    for name, words in (("Type", TYPES), ("Root", ROOTS), ("ValueType", VALUE_TYPES)):
        if name in entry and entry[name] not in words:
            yield f"{name} cannot be {entry[name]}"
    for value in entry.values():
        yield from _constants(value)


def _constants(value: str) -> Iterator[str]:
    """Faults of the constants in braces; a brace that is none is written twice, a closing one once."""
    for found in re.findall(r"\{([^{}]*)\}", value.replace("{{", "")):
        message = re.fullmatch(r"cm:(\w+)(?:,.*)?", found)
        if not (found in CONSTANTS or (message and message[1] in MESSAGES)) and "{{" not in value:
            yield f"no constant is called {{{found}}}"
    if value.replace("{{", "").count("{") > value.count("}"):
        yield f"a brace is not closed in {value}"
