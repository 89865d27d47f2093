"""Archives that are the same, byte for byte, for the same files: sorted, with one time, one owner and two modes."""

import gzip
import hashlib
import lzma
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

SUMS = "SHA256SUMS"
BLOCK = 1 << 20
EARLIEST = 315_532_800
"""1980-01-01, in seconds since 1970: ZIP knows no time before."""


def pack(folder: Path, archive: Path, *, top: str, epoch: int, preset: int = 6) -> Path:
    """Write `folder` as `archive` (.tar.xz, .tar.gz or .zip), with its files below `top`/. `epoch`: their time.

    Links are kept in a .tar; in a .zip, which Windows unpacks, stands what they lead to.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    aside = archive.with_name(f".{archive.name}")
    if archive.suffix == ".zip":
        _zip(folder, aside, top, epoch)
    elif archive.suffix == ".xz":
        with lzma.open(aside, "wb", preset=preset) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
            _tar(folder, tar, top, epoch)
    else:
        with (
            aside.open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=epoch) as zipped,
            tarfile.open(fileobj=zipped, mode="w|") as tar,
        ):
            _tar(folder, tar, top, epoch)
    aside.replace(archive)
    return archive


def write_sums(files: Iterable[Path], folder: Path) -> Path:
    """Write SHA256SUMS beside `files`, which `sha256sum --check` reads."""
    lines = [f"{digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in sorted(files)]
    sums = folder / SUMS
    sums.write_text("".join(lines), "utf-8", newline="\n")
    return sums


def digest(path: Path) -> str:
    """The file's SHA-256."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha.update(block)
    return sha.hexdigest()


def files_of(folder: Path) -> Iterator[Path]:
    """All files and folders below `folder`, sorted by their names with / between them; links are not followed."""
    yield from sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())


def _tar(folder: Path, tar: tarfile.TarFile, top: str, epoch: int) -> None:
    for path in files_of(folder):
        entry = tar.gettarinfo(path, f"{top}/{path.relative_to(folder).as_posix()}")
        entry.mtime = epoch
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        if not path.is_symlink():
            entry.mode = _mode(path)
        if entry.islnk():  # a second name of a file that is in already: the file once more, as any system unpacks it
            entry.type = tarfile.REGTYPE
            entry.size = path.stat().st_size
        if entry.isreg():
            with path.open("rb") as file:
                tar.addfile(entry, file)
        else:
            tar.addfile(entry)


def _zip(folder: Path, archive: Path, top: str, epoch: int) -> None:
    when = datetime.fromtimestamp(max(epoch, EARLIEST), UTC).timetuple()[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in files_of(folder):
            if path.is_file():
                entry = zipfile.ZipInfo(f"{top}/{path.relative_to(folder).as_posix()}", when)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = (0o100000 | _mode(path)) << 16
                with path.open("rb") as file, packed.open(entry, "w") as target:
                    while block := file.read(BLOCK):
                        target.write(block)


def _mode(path: Path) -> int:
    return 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
