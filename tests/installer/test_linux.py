"""Linux: the home directory's script, and Debian's package."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from installer import linux
from installer.linux import DESKTOP_FILE, desktop_file, icons, make_deb, make_tarball, packages
from installer.product import ID, machine, version
from tests.needs import needed

EPOCH = 1_700_000_000


def test_the_desktop_entry_passes_the_desktops_own_check(tmp_path: Path) -> None:
    program = needed("desktop", ("desktop-file-validate",))
    entry = tmp_path / DESKTOP_FILE
    entry.write_text(desktop_file("/home/ann/.local/lib/videoshop-bridge/videoshop"))
    done = subprocess.run([program, "--warn-kde", str(entry)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    entry.write_text(entry.read_text().replace("Terminal=false", "Terminal=perhaps"))
    assert subprocess.run([program, str(entry)], capture_output=True).returncode == 1


HOMES = ["ann", "Ann B", "a$b%`&|", 'a"b\\c']


@pytest.mark.parametrize("name", HOMES)
def test_installed_in_a_home_it_is_found_and_uninstalled_nothing_is_left(app: Path, tmp_path: Path, name: str) -> None:
    unpacked, home = tmp_path / "unpacked", tmp_path / name
    home.mkdir()
    unpacked.mkdir()
    tarball = make_tarball(app, tmp_path / "app.tar.gz", EPOCH)
    subprocess.run(["tar", "-xzf", str(tarball), "-C", str(unpacked)], check=True)
    top = unpacked / f"{ID}-{version()}"
    assert "in the applications' menu" in _run(top / "install.sh", home)

    installed = home / ".local/lib" / ID
    assert (home / ".local/bin/videoshop").resolve() == installed / "videoshop"
    assert all((home / ".local/share" / place).is_file() for place in icons())
    entry = (home / ".local/share/applications" / DESKTOP_FILE).read_text()
    assert _words(entry) == [str(installed / "videoshop"), "tray"]
    assert (installed / "_internal" / "liba.so.1").is_symlink()

    _run(installed / "uninstall.sh", home, "--keep-results")
    assert (home / "asked").read_text() == "uninstall --keep-results\n"
    (home / "asked").unlink()
    assert list(home.iterdir()) == []


def test_a_newer_version_takes_the_olders_place_whole(app: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    make_tarball(app, tmp_path / "app.tar.gz", EPOCH)
    _run(app / "install.sh", home)
    (home / ".local/lib" / ID / "_internal" / "of-the-older").touch()
    _run(app / "install.sh", home)
    assert not (home / ".local/lib" / ID / "_internal" / "of-the-older").exists()
    assert [path.name for path in (home / ".local/lib").iterdir()] == [ID]


def test_an_app_that_does_not_want_to_go_stays(app: Path, tmp_path: Path) -> None:
    """The person may answer its questions with “cancel”."""
    home = tmp_path / "home"
    home.mkdir()
    make_tarball(app, tmp_path / "app.tar.gz", EPOCH)
    _run(app / "install.sh", home)
    (home / ".local/lib" / ID / "videoshop").write_text("#!/bin/sh\nexit 130\n")
    done = subprocess.run(["sh", str(home / ".local/lib" / ID / "uninstall.sh")], env=_environment(home))
    assert done.returncode == 130
    assert (home / ".local/bin/videoshop").exists()


def test_only_the_link_that_leads_to_the_app_is_removed(app: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    make_tarball(app, tmp_path / "app.tar.gz", EPOCH)
    _run(app / "install.sh", home)
    link = home / ".local/bin/videoshop"
    link.unlink()
    link.write_text("the person's own")
    _run(home / ".local/lib" / ID / "uninstall.sh", home)
    assert link.read_text() == "the person's own"


def test_debians_package_is_what_its_tools_read(app: Path, tmp_path: Path) -> None:
    tool = needed("dpkg", ("dpkg-deb",))
    package = make_deb(app, tmp_path, EPOCH)
    said = subprocess.run([tool, "--field", str(package)], capture_output=True, text=True, check=True).stdout
    fields = dict(re.findall(r"^(\S+): (.*)$", said, re.MULTILINE))
    assert (fields["Package"], fields["Version"], fields["Architecture"]) == (ID, version(), machine())
    assert fields["Depends"] == "libc6 (>= 2.34)"
    listed = subprocess.run([tool, "--contents", str(package)], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    assert f"./usr/bin/videoshop -> ../lib/{ID}/videoshop" in listed
    root = tmp_path / "root"
    subprocess.run([tool, "--raw-extract", str(package), str(root)], check=True)
    assert (root / "usr/bin/videoshop").resolve() == (root / "usr/lib" / ID / "videoshop").resolve()
    assert not list(root.rglob("install.sh"))
    sums = subprocess.run(["md5sum", "--check", "--quiet", "DEBIAN/md5sums"], cwd=root, capture_output=True)
    assert sums.returncode == 0
    assert _words((root / "usr/share/applications" / DESKTOP_FILE).read_text()) == ["/usr/bin/videoshop", "tray"]


def test_the_same_app_makes_the_same_debian_package(app: Path, tmp_path: Path) -> None:
    needed("dpkg", ("dpkg-deb",))
    first = make_deb(app, tmp_path, EPOCH).read_bytes()
    os.utime(app / "videoshop", (1, 1))
    assert make_deb(app, tmp_path, EPOCH).read_bytes() == first


def test_an_app_that_grew_too_large_is_not_packed(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "UNPACKED_BYTES", 100)
    with pytest.raises(linux.TooLargeError, match="unpacked"):
        list(packages(app, tmp_path, EPOCH))


def _environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/bin:/bin"}


def _run(script: Path, home: Path, *words: str) -> str:
    done = subprocess.run(["sh", str(script), *words], env=_environment(home), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _words(entry: str) -> list[str]:
    """The words of `Exec` as the desktop entry specification unfolds them: the value's escapes, the quotes', the %."""
    value = next(line.removeprefix("Exec=") for line in entry.splitlines() if line.startswith("Exec="))
    value = re.sub(r"\\(.)", r"\1", value)
    words = [quoted or plain for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value)]
    return [re.sub(r'\\(["`$\\])', r"\1", word).replace("%%", "%") for word in words]
