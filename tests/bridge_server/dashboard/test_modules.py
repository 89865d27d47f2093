"""The page's modules, by their own tests in Node.js."""

import subprocess
from pathlib import Path

import pytest

from tests.needs import needed

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(file.name for file in FOLDER.glob("*.test.mjs")))
def test_the_pages_modules_pass_their_tests(name: str) -> None:
    node = needed("node", ("node", "nodejs"))
    done = subprocess.run([node, "--test", name], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
