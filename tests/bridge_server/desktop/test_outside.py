"""The surroundings of programs that are not ours."""

from bridge_server.desktop.outside import environment


def test_programs_that_are_not_ours_get_the_libraries_of_the_system_back() -> None:
    frozen = {"LD_LIBRARY_PATH": "/app/_internal", "LD_LIBRARY_PATH_ORIG": "/opt/lib", "DYLD_LIBRARY_PATH": "/app"}
    assert environment(frozen, frozen=True) == {"LD_LIBRARY_PATH": "/opt/lib"}
    assert environment(frozen, frozen=False) == frozen
