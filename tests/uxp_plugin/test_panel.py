"""The panel's types and tests, by its own tools in Node.js."""

from tests.plugin import npm


def test_the_panel_passes_its_tests() -> None:
    done = npm("test", patience=900)
    assert done.returncode == 0, done.stdout[-20_000:]
