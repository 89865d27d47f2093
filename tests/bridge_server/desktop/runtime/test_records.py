"""The lists of files that packages installed, and what is found where the files are not as they say."""

import base64
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_server.desktop.runtime import records
from bridge_server.desktop.runtime.records import Entry, Fault

RECORD = """\
../../../bin/tqdm,sha256=S7A6b8i4UMXEPJ0FO9z7iEAEhPEuEAJ8iVNQ8_0GcOI,353
tqdm-4.70.1.dist-info/RECORD,,
"tqdm/a, b.py",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
tqdm/old.py,md5=abc,12
"""


def packages(folder: Path) -> Path:
    """A folder of packages with one package of three files, whole."""
    (folder / "one").mkdir(parents=True)
    about = folder / "one-1.0.dist-info"
    about.mkdir()
    lines = []
    for name, content in (("one/__init__.py", b"A = 1\n"), ("one/data.bin", b"\0" * 5000), ("one/empty", b"")):
        (folder / name).write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    (about / "RECORD").write_text("\n".join([*lines, "one-1.0.dist-info/RECORD,,", ""]))
    return folder


def test_a_list_of_files_is_read() -> None:
    listed = list(records.entries(RECORD))
    assert [entry.path for entry in listed] == [
        "../../../bin/tqdm",
        "tqdm-4.70.1.dist-info/RECORD",
        "tqdm/a, b.py",
        "tqdm/old.py",
    ]
    assert listed[1] == Entry("tqdm-4.70.1.dist-info/RECORD")
    assert listed[2] == Entry("tqdm/a, b.py", hashlib.sha256(b"").digest(), 0)
    assert listed[3].sha256 is None


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../../bin/x", "a/../../../../../x", "C:/x", "a/../b", "..\\x", "\\\\host\\x"]
)
def test_a_path_that_leads_out_of_the_environment_is_passed_over(path: str) -> None:
    assert list(records.entries(f"{path},,")) == []


@given(st.text())
def test_any_text_is_read_as_a_list_that_stays_inside(text: str) -> None:
    for entry in records.entries(text):
        inside = os.path.normpath(Path("/a/lib/python3.11/site-packages") / entry.path)
        assert inside == "/a" or inside.startswith("/a/")


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1), st.binary())
def test_a_file_s_entry_comes_back_as_written(name: str, content: bytes) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    quoted = name.replace('"', '""')
    found = list(records.entries(f'"one/{quoted}x",sha256={digest},{len(content)}'))
    assert found in ([], [Entry(f"one/{name}x", hashlib.sha256(content).digest(), len(content))])
    if name.isalnum():
        assert found


def test_whole_packages_have_no_faults(tmp_path: Path) -> None:
    folder = packages(tmp_path)
    told: list[tuple[int, int]] = []
    assert records.faults(folder, records.installed(folder), lambda done, total: told.append((done, total))) == []
    assert told[-1] == (5006, 5006)
    assert records.size(folder) == 5006


def test_damage_of_every_kind_is_found(tmp_path: Path) -> None:
    folder = packages(tmp_path)
    listed = records.installed(folder)
    content = bytearray((folder / "one/data.bin").read_bytes())
    content[2500] ^= 1
    (folder / "one/data.bin").write_bytes(content)
    (folder / "one/__init__.py").write_bytes(b"A = 1\n\n")
    (folder / "one/empty").unlink()
    assert records.faults(folder, listed) == [
        Fault("one", "one/__init__.py", "damaged"),
        Fault("one", "one/data.bin", "damaged"),
        Fault("one", "one/empty", "missing"),
    ]


def test_a_list_that_was_changed_or_is_gone_is_a_fault_itself(tmp_path: Path) -> None:
    folder = packages(tmp_path)
    listed = records.installed(folder)
    record = folder / "one-1.0.dist-info/RECORD"
    record.write_text(record.read_text().replace("one/empty", "one/other"))
    assert records.faults(folder, listed) == [Fault("one", "one-1.0.dist-info/RECORD", "damaged")]
    record.unlink()
    assert records.faults(folder, listed) == [Fault("one", "one-1.0.dist-info/RECORD", "missing")]


def test_packages_are_linked_into_another_folder(tmp_path: Path) -> None:
    folder = packages(tmp_path / "old")
    new = tmp_path / "new"
    records.link(folder, new, ["one-1.0.dist-info"])
    assert records.faults(new, records.installed(folder)) == []
    assert (new / "one/data.bin").samefile(folder / "one/data.bin")


def test_where_the_disk_has_no_links_packages_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    folder = packages(tmp_path / "old")
    records.link(folder, tmp_path / "new", ["one-1.0.dist-info"])
    assert records.faults(tmp_path / "new", records.installed(folder)) == []
    assert not (tmp_path / "new/one/data.bin").samefile(folder / "one/data.bin")
