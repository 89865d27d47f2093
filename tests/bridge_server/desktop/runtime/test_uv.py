"""How uv is run, what it says, and what is understood of its failures."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_server.desktop.runtime import uv
from bridge_server.desktop.runtime.uv import Heard, Source, Uv, understood

HERE = Path("/here")

HASH = """\
Resolved 3 packages in 5ms
  × Failed to download `tiny-1==1.0`
  ╰─▶ Hash mismatch for `tiny-1==1.0`

      Expected:
        sha256:0000000000000000000000000000000000000000000000000000000000000000

      Computed:
        sha256:5faf1d2a2f1c8a1e1fd2ec0e3d0fd9bd7a0a0d0fdeb1d3dd4b2ac1ec1f2a3b4c
"""
NO_WHEEL = """\
  × No solution found when resolving dependencies:
  ╰─▶ Because tiny-2 was not found in the provided package locations and you
      require tiny-2==1.0, we can conclude that your requirements are unsatisfiable.

      hint: Packages were unavailable because index lookups were disabled and no additional package locations were
      provided
"""
NO_NETWORK = """\
error: Request failed after 5 retries in 4.2s
  Caused by: Failed to fetch: `https://index/simple/numpy/`
  Caused by: error sending request for url (https://index/simple/numpy/)
  Caused by: client error (Connect)
  Caused by: dns error
  Caused by: failed to lookup address information: Temporary failure in name resolution
"""
DISK = """\
Downloading torch (184.6MiB)
error: Failed to extract archive: torch-2.13.0.whl
  Caused by: I/O operation failed during extraction
  Caused by: failed to write to file `/here/cache/.tmpX/libtorch_cpu.so`: No space left on device (os error 28)
"""
NO_PYTHON = """\
error: No interpreter found for Python 3.11 in managed installations or search path

hint: A managed Python download is available for Python 3.11, but Python downloads are set to 'never'
"""
NO_PYTHON_DOWNLOAD = """\
error: Failed to install cpython-3.11.18-linux-x86_64-gnu
  Caused by: Request failed after 5 retries in 4.2s
  Caused by: Failed to download https://mirror/cpython-3.11.18.tar.gz
"""


@pytest.mark.parametrize(
    ("said", "offline", "code"),
    [
        (HASH, False, "engine.hash_differs"),
        (HASH, True, "engine.hash_differs"),
        (NO_WHEEL, True, "engine.wheel_missing"),
        (NO_NETWORK, False, "engine.offline"),
        (DISK, False, "engine.disk_full"),
        (NO_PYTHON, True, "engine.no_python"),
        (NO_PYTHON_DOWNLOAD, False, "engine.no_python"),
        ("error: tunnel error: unsuccessful", False, "engine.offline"),
        ("error: something new", False, "engine.installer_failed"),
        ("", False, "engine.installer_failed"),
    ],
)
def test_a_failure_is_understood(said: str, offline: bool, code: str) -> None:
    fault = understood(said, offline=offline)
    assert fault.code == code
    assert "\n" not in fault.message


def test_a_missing_wheel_is_named() -> None:
    assert "tiny-2 was not found" in understood(NO_WHEEL, offline=True).message


@given(st.text(), st.booleans())
def test_whatever_uv_says_is_a_fault_with_a_hint(said: str, offline: bool) -> None:
    assert understood(said, offline=offline).hint
    Heard().hear(said)


def test_what_comes_and_came_is_heard() -> None:
    heard = Heard()
    for line in ("Resolved 51 packages in 664ms", "Downloading numpy (16.1MiB)", "Downloading av (34.1MiB)"):
        heard.hear(line)
    assert (heard.coming, heard.came, heard.prepared) == ({"numpy", "av"}, set(), False)
    heard.hear(" Downloaded numpy")
    heard.hear("Prepared 51 packages in 13.08s")
    assert (heard.coming, heard.came, heard.prepared) == ({"av"}, {"numpy"}, True)


def test_uv_gets_mirrors_and_proxies_but_nothing_that_makes_another_environment() -> None:
    own = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://a",
        "UV_DEFAULT_INDEX": "https://mirror",
        "UV_INDEX_COMPANY_PASSWORD": "secret",
        "UV_HTTP_TIMEOUT": "7",
        "UV_EXCLUDE_NEWER": "2020-01-01",
        "UV_CACHE_DIR": "/elsewhere",
        "PYTHONPATH": "/mine",
        "VIRTUAL_ENV": "/mine",
    }
    seen = Uv("uv", HERE / "cache", HERE / "python").variables(own)
    assert {name: seen[name] for name in own if name in seen} == {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://a",
        "UV_DEFAULT_INDEX": "https://mirror",
        "UV_INDEX_COMPANY_PASSWORD": "secret",
        "UV_HTTP_TIMEOUT": "7",
        "UV_CACHE_DIR": str(HERE / "cache"),
    }
    assert seen["UV_CONCURRENT_DOWNLOADS"] == "2"


def test_uv_trusts_whom_the_system_trusts_unless_the_person_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge_server.desktop.runtime.uv.trusts_file", lambda: "/etc/ssl/ca.pem")
    uv = Uv("uv", HERE, HERE)
    assert uv.variables({})["UV_SYSTEM_CERTS"] == "1"
    assert uv.variables({"UV_SYSTEM_CERTS": "0"})["UV_SYSTEM_CERTS"] == "0"
    monkeypatch.setattr("bridge_server.desktop.runtime.uv.trusts_file", lambda: None)
    assert ("UV_SYSTEM_CERTS" in uv.variables({})) == (sys.platform != "linux")


def test_a_given_proxy_is_stronger() -> None:
    seen = Uv("uv", HERE, HERE, Source(proxy="http://b")).variables({"HTTPS_PROXY": "http://a"})
    assert (seen["HTTPS_PROXY"], seen["ALL_PROXY"]) == ("http://b", "http://b")


def test_a_folder_of_wheels_means_no_index_and_no_network(tmp_path: Path) -> None:
    assert Source(wheels=tmp_path, index="https://index").options() == [
        *("--no-index", "--offline"),
        *("--find-links", str(tmp_path)),
    ]
    assert Source(index=str(tmp_path)).options() == ["--find-links", str(tmp_path)]
    assert Source(index="https://index").options()[:2] == ["--index", "https://index"]
    assert Source().options() == []


def test_the_program_comes_with_its_package() -> None:
    assert Path(uv.find_uv()).is_file()
