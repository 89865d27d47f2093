"""The licences of what is in the app."""

from importlib.metadata import distribution
from pathlib import Path

import pytest

from installer.notices import UnknownLicenceError, closure, libraries, licence_of, package, write


def test_what_is_required_is_followed_to_its_end_without_the_project_itself() -> None:
    names = {one.name.lower() for one in closure(["videoshop-bridge"])}
    assert {"av", "numpy", "pydantic", "pydantic_core", "rich", "markdown-it-py", "mdurl"} <= names
    assert not names & {"videoshop-bridge", "torch", "pytest"}


@pytest.mark.parametrize("name", ["av", "numpy", "opencv-python-headless", "pydantic", "typer", "websockets"])
def test_each_package_names_its_licence_and_brings_its_text(name: str) -> None:
    found = package(distribution(name))
    assert found.licence != "see its texts"
    assert found.texts
    assert all(len(text) > 100 for text in found.texts.values())


def test_the_longest_start_of_a_librarys_name_counts() -> None:
    assert licence_of("libavif-43e630fc.so.16.4.2") == "libavif, BSD-2-Clause"
    assert licence_of("libavcodec-c4204469.so.62") == "FFmpeg, LGPL-3.0-or-later"
    assert licence_of("libz.so.1") == "zlib, Zlib"


def test_a_library_whose_licence_nobody_knows_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "libx264-1.so.165").touch()
    (tmp_path / "libsecret.so.1").touch()
    with pytest.raises(UnknownLicenceError, match=r"libsecret\.so\.1"):
        libraries(tmp_path)


def test_the_notices_name_the_gpl_and_all_packages(tmp_path: Path) -> None:
    (tmp_path / "libx264-1.so.165").touch()
    write(tmp_path, tmp_path / "licences")
    text = (tmp_path / "licences" / "THIRD-PARTY.txt").read_text("utf-8")
    assert "libx264-1.so.165: x264, GPL-2.0-or-later" in text
    assert "opencv-python-headless" in text
    assert "PYTHON SOFTWARE FOUNDATION" in text.upper()
    assert (tmp_path / "licences" / "LICENSE").read_text().strip().startswith("Apache License")
