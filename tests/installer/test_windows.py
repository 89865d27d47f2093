"""Windows: the installer's script keeps the grammar of Inno Setup, and does what it should."""

import zipfile
from pathlib import Path

import pytest

from installer.product import ID, version
from installer.windows import packages, script, word
from tests.installer.inno import faults

EPOCH = 1_700_000_000


@pytest.fixture
def made(app: Path, tmp_path: Path) -> str:
    return script(app, tmp_path)


def test_the_script_keeps_the_grammar(made: str) -> None:
    assert list(faults(made)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("[Run]", "[Runs]", "no section"),
        ("WizardStyle=modern", "WizardStyle=new", "cannot be new"),
        ("WizardStyle=modern", "WizzardStyle=modern", "no directive"),
        ("PrivilegesRequired=lowest", "PrivilegesRequired=user", "cannot be user"),
        ("{autoprograms}", "{programs}", "no constant"),
        ("{cm:CreateDesktopIcon}", "{cm:MakeIcon}", "no constant"),
        ("Flags: unchecked", "Flags: off", "no flag off"),
        ("Tasks: desktopicon", "Tasks: icon", "no task is called icon"),
        ("; DestDir:", "; Dir:", "lacks DestDir"),
        ('ValueName: "Videoshop Bridge"', 'ValueName: "Videoshop Bridge', "not a list"),
        ("Root: HKCU", "Root: HKEY_CURRENT_USER", "Root cannot be"),
        ("AppName=", "AppVerName=", "given twice"),
        ("{app}\\videoshop.exe", "{app\\videoshop.exe", "not closed"),
    ],
)
def test_the_grammar_refuses_what_inno_setup_would(made: str, right: str, wrong: str, fault: str) -> None:
    assert right in made
    assert any(fault in found for found in faults(made.replace(right, wrong)))


def test_it_is_installed_without_an_administrator_and_starts_nothing_at_login(made: str) -> None:
    assert "PrivilegesRequired=lowest" in made
    assert "AppId={{" in made
    registry = made.split("[Registry]")[1].split("[")[0]
    assert "CurrentVersion\\Run" in registry
    assert "ValueType: none" in registry
    assert "uninsdeletevalue" in registry
    assert "HKLM" not in made


def test_an_update_removes_what_the_older_version_had_inside(made: str) -> None:
    assert 'Type: filesandordirs; Name: "{app}\\_internal"' in made


def test_the_app_is_asked_before_its_files_go(made: str) -> None:
    assert 'Filename: "{app}\\videoshop.exe"; Parameters: "uninstall"' in made.split("[UninstallRun]")[1]


def test_quotes_are_doubled() -> None:
    assert word('a "b"') == '"a ""b"""'


def test_without_the_compiler_there_is_a_zip_and_the_script(
    app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (archive,) = packages(app, tmp_path, EPOCH)
    with zipfile.ZipFile(archive) as packed:
        assert f"{ID}-{version()}/videoshop" in packed.namelist()
    assert "no installer is made" in capsys.readouterr().out
    assert list(faults((tmp_path / "build" / f"{ID}.iss").read_text("utf-8-sig"))) == []
