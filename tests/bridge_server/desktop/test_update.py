"""Updates: a real signed manifest, a real server on the loopback, and apps that work or do not."""

import io
import json
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from bridge_server.desktop import update, versions
from bridge_server.desktop.faults import UpdateError
from bridge_server.desktop.paths import Places
from bridge_server.desktop.versions import Pointer, folder, point, pointer, program_of, successor
from tests.bridge_server.desktop.apps import Offer, make_app, packed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="its apps are scripts")

OWN = "0.1.0"


@pytest.fixture
def offer() -> Iterator[Offer]:
    with Offer() as offer:
        yield offer


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Version 0.2.0, which says that it works without trying."""
    place = tmp_path_factory.mktemp("app") / "app"
    make_app(place, "0.2.0", says("0.2.0"))
    return packed(place)


def says(version: str) -> str:
    """Python that answers the health check at once."""
    return f'print(\'{{"version": "{version}", "ok": true}}\'); sys.exit()'


def broken(tmp_path: Path, first: str) -> bytes:
    make_app(tmp_path / "broken", "0.2.0", first)
    return packed(tmp_path / "broken")


def install(places: Places, offer: Offer, jobs: int = 0) -> None:
    manifest = update.look(places, OWN, offer.source)
    assert manifest is not None
    update.install(places, OWN, manifest, lambda: jobs, lambda done, total: None)


def left(places: Places) -> set[str]:
    return {path.name for path in places.versions.glob("*")}


# What is offered


def test_a_newer_version_is_offered_an_older_or_the_same_is_not(places: Places, offer: Offer, archive: bytes) -> None:
    for version, offered in (("0.2.0", True), ("0.10.0", True), (OWN, False), ("0.0.9", False)):
        offer.publish(version, archive)
        manifest = update.look(places, OWN, offer.source)
        assert (manifest is not None) == offered


@pytest.mark.parametrize("where", ["/manifest.json", "/manifest.json.sig"])
def test_one_changed_byte_and_nothing_of_it_is_believed(
    places: Places, offer: Offer, archive: bytes, where: str
) -> None:
    offer.publish("0.2.0", archive)
    data = bytearray(offer.files[where])
    data[len(data) // 2] ^= 1
    offer.files[where] = bytes(data)
    with pytest.raises(UpdateError, match="not signed"):
        update.look(places, OWN, offer.source)


def test_another_ones_signature_is_none(places: Places, offer: Offer, archive: bytes) -> None:
    ours = offer.source
    offer.key = SigningKey.generate()
    offer.publish("0.2.0", archive)
    with pytest.raises(UpdateError, match="not signed"):
        update.look(places, OWN, ours)


@pytest.mark.parametrize("version", ["../../home", "0.2.0/..", "", "new"])
def test_a_version_that_is_none_names_no_folder(places: Places, offer: Offer, archive: bytes, version: str) -> None:
    offer.publish(version, archive)
    with pytest.raises(UpdateError, match="its version is none"):
        update.look(places, OWN, offer.source)


def test_only_https_is_asked_and_this_very_machine(places: Places) -> None:
    for address in ("http://example.org/manifest.json", "file:///etc/passwd", "ftp://localhost/x"):
        with pytest.raises(UpdateError, match="no https address"):
            update.look(places, OWN, (address, bytes(32)))


def test_without_a_server_it_says_so(places: Places, offer: Offer) -> None:
    with pytest.raises(UpdateError, match="answered 404"):
        update.look(places, OWN, offer.source)


def test_a_copy_that_was_told_of_no_server_says_how_it_is_updated() -> None:
    with pytest.raises(UpdateError) as refused:
        versions.source({})
    assert refused.value.message.startswith("This copy does not look for updates: ")
    assert refused.value.message.count(".") == 1
    assert refused.value.hint == "Install a newer version as you installed this one."


def test_the_app_says_so_in_its_own_words_and_finds_what_it_was_told(tmp_path: Path, offer: Offer) -> None:
    app = make_app(tmp_path / "app", OWN)
    environment = os.environ | {"VIDEOSHOP_CONFIG": str(tmp_path / "c"), "VIDEOSHOP_DATA": str(tmp_path / "d")}
    asked = [str(app), "update", "check"]
    told = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "This copy does not look for updates" in told.stderr
    offer.publish("0.2.0", b"archive")
    offer.write_source(tmp_path / "app/updates.json")
    told = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "0.2.0\n", "")


# Installing


def test_a_version_that_works_takes_over_and_nothing_else_is_left(places: Places, offer: Offer, tmp_path: Path) -> None:
    make_app(tmp_path / "app", "0.2.0")
    offer.publish("0.2.0", packed(tmp_path / "app"))
    install(places, offer)
    assert pointer(places) == Pointer(version="0.2.0")
    assert left(places) == {"0.2.0", "current.json"}
    assert successor(places, OWN, ["jobs"]) == program_of(folder(places, "0.2.0"))


def test_a_bundle_for_macos_keeps_its_name_and_its_program_is_found(
    places: Places, offer: Offer, tmp_path: Path
) -> None:
    """Its start code knows the bundle by the folder's name, `….app/Contents/MacOS`."""
    programs = tmp_path / "made/Videoshop Bridge.app/Contents/MacOS"
    make_app(programs, "0.2.0")
    (programs.parent / "Resources").mkdir()
    (programs.parent / "Frameworks").symlink_to("Resources")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        tar.add(tmp_path / "made/Videoshop Bridge.app", arcname="Videoshop Bridge.app")
    offer.publish("0.2.0", file.getvalue())
    install(places, offer)
    bundle = folder(places, "0.2.0") / "Videoshop Bridge.app"
    assert successor(places, OWN, ["jobs"]) == bundle / "Contents/MacOS/videoshop"
    assert (bundle / "Contents/Frameworks").is_symlink()
    assert left(places) == {"0.2.0", "current.json"}


def test_a_connection_that_breaks_goes_on_where_it_was(places: Places, offer: Offer, archive: bytes) -> None:
    offer.publish("0.2.0", archive)
    offer.breaks = len(archive) // 3
    install(places, offer)
    assert offer.ranges == [None, f"bytes={len(archive) // 3}-"]
    assert pointer(places).version == "0.2.0"


def test_other_bytes_than_announced_are_not_unpacked(places: Places, offer: Offer, archive: bytes) -> None:
    offer.publish("0.2.0", archive)
    offer.files["/app.tar.xz"] = archive[:-1] + bytes([archive[-1] ^ 1])
    with pytest.raises(UpdateError, match="sha256"):
        install(places, offer)
    assert left(places) == set()


def test_nothing_is_done_while_a_job_runs(places: Places, offer: Offer, archive: bytes) -> None:
    offer.publish("0.2.0", archive)
    with pytest.raises(UpdateError, match="2 job"):
        install(places, offer, jobs=2)
    assert offer.ranges == []
    assert left(places) == set()


def test_a_job_that_began_meanwhile_keeps_the_old_version(places: Places, offer: Offer, archive: bytes) -> None:
    offer.publish("0.2.0", archive)
    manifest = update.look(places, OWN, offer.source)
    assert manifest is not None
    jobs = iter((0, 1))
    with pytest.raises(UpdateError, match="1 job"):
        update.install(places, OWN, manifest, lambda: next(jobs), lambda done, total: None)
    assert pointer(places).version is None
    assert update.look(places, OWN, offer.source) is not None


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("sys.exit('a library is missing')", "a library is missing"),
        (says("9.9"), "it is not what it is called"),
        ("print('hello'); sys.exit()", "it says something else than it should"),
        ("__import__('os').remove(__file__ + '-engine')", "The engine does not start"),
    ],
)
def test_a_version_that_fails_its_health_check_is_put_away_and_not_offered_again(
    places: Places, offer: Offer, tmp_path: Path, first: str, why: str
) -> None:
    offer.publish("0.2.0", broken(tmp_path, first))
    with pytest.raises(UpdateError, match="does not work here") as refused:
        install(places, offer)
    assert why in refused.value.message
    assert pointer(places) == Pointer(failed=("0.2.0",))
    assert left(places) == {"current.json"}
    assert update.look(places, OWN, offer.source) is None
    assert update.look(places, OWN, offer.source, failed_too=True) is not None


def test_a_version_that_hangs_is_given_up(
    places: Places, offer: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "TRIAL_SECONDS", 1.0)
    offer.publish("0.2.0", broken(tmp_path, "__import__('time').sleep(60)"))
    with pytest.raises(UpdateError, match="it did not end"):
        install(places, offer)
    assert pointer(places).failed == ("0.2.0",)


def test_a_full_disk_is_told_before_anything_is_fetched(places: Places, offer: Offer, archive: bytes) -> None:
    offer.publish("0.2.0", archive, unpacked=16 << 30, size=4 << 30)
    free = os.statvfs(places.config.parent)
    if free.f_bavail * free.f_frsize > 24 << 30:
        manifest = update.look(places, OWN, offer.source)
        assert manifest is not None
        with pytest.raises(UpdateError, match="MB of disk"):
            update._room(places.config.parent, update.Archive.model_construct(size=1 << 60, unpacked=1 << 60))
        return
    with pytest.raises(UpdateError, match="MB of disk"):
        install(places, offer)
    assert offer.ranges == []


def test_a_version_for_other_systems_alone_is_told(places: Places, offer: Offer, archive: bytes) -> None:
    manifest = update.Manifest(version="0.2.0", archives={})
    with pytest.raises(UpdateError, match="not offered for"):
        update.install(places, OWN, manifest, lambda: 0, lambda done, total: None)


def test_no_archive_writes_outside_its_folder(tmp_path: Path) -> None:
    tarred, zipped = tmp_path / "evil.tar", tmp_path / "evil.zip"
    with tarfile.open(tarred, "w") as tar:
        entry = tarfile.TarInfo("../outside")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("../outside", "evil")
    for number, evil in enumerate((tarred, zipped)):
        with pytest.raises(UpdateError, match="outside"):
            update.unpack(evil, tmp_path / f"inside{number}")
    assert not (tmp_path / "outside").exists()


def test_a_zip_keeps_what_may_be_run(tmp_path: Path) -> None:
    zipped = tmp_path / "app.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        entry = zipfile.ZipInfo("app/videoshop")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, "#!/bin/sh\n")
    update.unpack(zipped, tmp_path / "new")
    assert os.access(tmp_path / "new/app/videoshop", os.X_OK)


# Which version runs


def have(places: Places, *there: str) -> None:
    for version in there:
        make_app(folder(places, version), version)


def test_a_version_that_never_listens_is_given_up_after_two_starts(places: Places) -> None:
    have(places, "0.2.0")
    point(places, Pointer(version="0.2.0"))
    for _ in range(2):
        assert successor(places, OWN, ["serve"]) is not None
        assert successor(places, OWN, ["jobs"]) is not None  # shows nothing, and is not counted
    assert successor(places, OWN, ["serve"]) is None
    assert pointer(places) == Pointer(failed=("0.2.0",))


def test_what_is_given_up_makes_room_for_the_one_before(places: Places) -> None:
    have(places, "0.2.0", "0.3.0")
    point(places, Pointer(version="0.3.0", before="0.2.0", tries=2))
    assert successor(places, OWN, ["tray"]) == program_of(folder(places, "0.2.0"))
    assert pointer(places) == Pointer(version="0.2.0", proved=True, failed=("0.3.0",))


def test_a_version_that_listens_is_proved_and_older_ones_are_removed(places: Places) -> None:
    have(places, "0.2.0", "0.3.0", "0.4.0")
    point(places, Pointer(version="0.4.0", before="0.3.0", tries=1))
    versions.prove(places, "0.4.0")
    assert pointer(places) == Pointer(version="0.4.0", before="0.3.0", proved=True)
    assert left(places) == {"0.3.0", "0.4.0", "current.json"}


def test_a_package_that_is_newer_than_all_updates_runs_itself(places: Places) -> None:
    have(places, "0.2.0")
    point(places, Pointer(version="0.2.0", proved=True))
    assert successor(places, "0.3.0", ["serve"]) is None
    versions.prove(places, "0.3.0")
    assert left(places) == {"current.json"}


@pytest.mark.parametrize("text", ["", "{", '{"version": "../../bin"}', '{"version": 5}'])
def test_a_damaged_pointer_starts_what_is_installed(places: Places, text: str) -> None:
    places.versions.mkdir(parents=True)
    places.current_version.write_text(text)
    assert successor(places, OWN, ["serve"]) is None


def test_without_an_older_version_there_is_no_way_back(places: Places) -> None:
    with pytest.raises(UpdateError, match="no older version"):
        versions.roll_back(places)


def test_what_is_installed_hands_over_and_what_was_handed_over_to_goes_on(places: Places, tmp_path: Path) -> None:
    have(places, "0.2.0")
    installed = make_app(tmp_path / "installed", OWN)
    environment = os.environ | {"VIDEOSHOP_CONFIG": str(places.config), "VIDEOSHOP_DATA": str(places.data)}

    def says() -> str:
        done = subprocess.run([installed, "--version"], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert says() == f"videoshop {OWN}"
    point(places, Pointer(version="0.2.0"))
    assert says() == "videoshop 0.2.0"
    assert json.loads(places.current_version.read_text())["tries"] == 0
