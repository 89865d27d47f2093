"""Who gets in, and what they may name."""

import errno
import os
import stat
from pathlib import Path

import pytest

from bridge_server.errors import GrantError, ServiceError
from bridge_server.protocol import limits
from bridge_server.security import ClipGrants, clip_path, host_allowed, origin_allowed, pairing_token


def test_a_token_is_made_once_of_32_bytes_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "config" / "token"
    token = pairing_token(path)
    assert len(token) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pairing_token(path) == token
    assert pairing_token(tmp_path / "other") != token


def test_a_token_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "token"
    pairing_token(path)
    path.chmod(0o640)
    with pytest.raises(ServiceError) as caught:
        pairing_token(path)
    assert caught.value.code == "service.token_exposed"


@pytest.mark.parametrize("text", ["", "short", "z" * 64, "ab" * 31])
def test_a_file_that_holds_no_token_is_not_used(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ServiceError) as caught:
        pairing_token(path)
    assert caught.value.code == "service.token_unusable"


def test_a_token_behind_a_link_is_not_used(tmp_path: Path) -> None:
    pairing_token(tmp_path / "real")
    (tmp_path / "token").symlink_to(tmp_path / "real")
    with pytest.raises(ServiceError):
        pairing_token(tmp_path / "token")


@pytest.mark.parametrize("host", ["localhost:5", "LOCALHOST:5", "127.0.0.1:5", "[::1]:5"])
def test_a_host_is_a_loopback_name_with_our_port(host: str) -> None:
    assert host_allowed([host], 5)


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["localhost"],
        ["localhost:6"],
        ["evil.com:5"],
        ["127.0.0.1:5.evil.com"],
        ["127.0.0.1.evil.com:5"],
        ["localhost:5", "evil.com"],
        ["127.1:5"],
        ["0.0.0.0:5"],
        ["localhost.:5"],
    ],
)
def test_any_other_host_is_refused(hosts: list[str]) -> None:
    assert not host_allowed(hosts, 5)


def test_no_origin_is_a_program_and_an_origin_must_be_on_the_list_exactly() -> None:
    allowed = frozenset({"http://localhost:5"})
    assert origin_allowed([], allowed)
    assert origin_allowed(["http://localhost:5"], allowed)
    for origin in ("null", "", "http://localhost:55", "http://localhost:5/", "HTTP://localhost:5", "http://evil.com"):
        assert not origin_allowed([origin], allowed)
    assert not origin_allowed(["http://localhost:5"] * 2, allowed)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "clip.mp4",
        "../clip.mp4",
        "//server/share/clip.mp4",
        "\\\\server\\share\\clip.mp4",
        "\\\\?\\C:\\clip.mp4",
        "\\\\.\\PhysicalDrive0",
        "/clips/../etc/passwd",
        "/clips/..\\..\\clip.mp4",
        "/clips/CON",
        "/clips/con.mp4",
        "/clips/LPT1.mov",
        "/clips/aux .mp4",
        "/clips/a\0b.mp4",
        "/clips/a\nb.mp4",
        "/dev/zero",
        "/dev/stdin",
        "~/clip.mp4",
        "file:///clip.mp4",
    ],
)
def test_a_hostile_path_is_refused(path: str) -> None:
    with pytest.raises(GrantError):
        clip_path(path)


def test_an_ordinary_file_and_a_folder_of_images_are_granted(tmp_path: Path) -> None:
    clip = tmp_path / "Clip №1 (final).mov"
    clip.write_bytes(b"x")
    images = tmp_path / "images"
    images.mkdir()
    (images / "0001.png").write_bytes(b"x")
    assert clip_path(str(clip)) == clip.resolve()
    assert clip_path(str(images)) == images.resolve()


def test_a_link_is_refused_as_a_clip_and_inside_a_folder_of_images(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    images = tmp_path / "images"
    images.mkdir()
    for link in (tmp_path / "clip.mp4", images / "0001.png"):
        link.symlink_to(secret)
    for path in (tmp_path / "clip.mp4", images):
        with pytest.raises(GrantError) as caught:
            clip_path(str(path))
        assert caught.value.code == "grant.not_allowed"


def test_a_pipe_is_refused_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(GrantError):
        clip_path(str(tmp_path / "pipe.mp4"))


def test_the_services_own_folder_is_refused_also_from_above(tmp_path: Path) -> None:
    config = tmp_path / "config"
    token = config / "token"
    pairing_token(token)
    for path in (token, config, tmp_path):
        with pytest.raises(GrantError):
            clip_path(str(path), forbidden=[config])


def test_a_missing_clip_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(GrantError) as caught:
        clip_path(str(tmp_path / "gone.mp4"))
    assert caught.value.code == "grant.missing"
    assert str(tmp_path) not in caught.value.message


def test_a_grant_is_for_the_file_as_it_was(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    grants = ClipGrants()
    grant, name, size = grants.give(str(clip))
    assert (name, size) == ("clip.mp4", 6)
    assert grants.resolve(grant) == clip.resolve()

    other = tmp_path / "other"
    other.write_bytes(b"secret")
    other.replace(clip)
    with pytest.raises(GrantError) as caught:
        grants.resolve(grant)
    assert caught.value.code == "grant.changed"
    clip.unlink()
    with pytest.raises(GrantError) as caught:
        grants.resolve(grant)
    assert caught.value.code == "grant.missing"


def test_a_connection_keeps_a_bounded_number_of_grants(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    grants = ClipGrants()
    for _ in range(limits.GRANTS):
        grants.give(str(clip))
    with pytest.raises(GrantError) as caught:
        grants.give(str(clip))
    assert caught.value.code == "grant.too_many"


@pytest.mark.parametrize("name", ["clip.mp4:stream", "clip.mp4::$DATA", "folder:x/clip.mp4"])
def test_an_alternate_stream_is_refused_where_there_are_any(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with monkeypatch.context() as windows:
        windows.setattr("bridge_server.security.sys.platform", "win32")
        with pytest.raises(GrantError) as caught:
            clip_path(f"/clips/{name}")
    assert "alternate stream" in caught.value.message


def test_a_folder_above_that_is_a_link_is_followed_to_what_is_checked(tmp_path: Path) -> None:
    config, clips = tmp_path / "config", tmp_path / "clips"
    pairing_token(config / "token")
    clips.mkdir()
    (clips / "clip.mp4").write_bytes(b"x")
    for link, target in (("to config", config), ("to clips", clips)):
        (tmp_path / link).symlink_to(target)
    assert clip_path(str(tmp_path / "to clips" / "clip.mp4"), forbidden=[config]) == (clips / "clip.mp4").resolve()
    with pytest.raises(GrantError) as caught:
        clip_path(str(tmp_path / "to config" / "token"), forbidden=[config])
    assert caught.value.code == "grant.not_allowed"


def test_a_token_that_the_full_disk_cut_short_is_not_in_the_way_of_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ServiceError) as caught:
            pairing_token(tmp_path / "token")
    assert caught.value.code == "service.token_unusable"
    assert len(pairing_token(tmp_path / "token")) == 32
