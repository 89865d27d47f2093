"""What the commands about the person's desktop refuse or fail at; the service has no use for these."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from bridge_server.desktop.frozen import again
from bridge_server.errors import BridgeError


class DesktopError(BridgeError):
    """A setting, an entry at login, a tray, a plugin or an update that cannot be.

    DesktopError
    ├── SettingError       a setting that does not exist, or not with this value
    ├── TrayError          no icon can be shown
    ├── PluginError        a plugin that cannot be installed
    ├── UpdateError        a new version that is not taken
    └── SetupError         a part that the service is not to, or cannot, set up
    """


class SettingError(DesktopError):
    @classmethod
    def unknown(cls, name: str, known: Iterable[str]) -> Self:
        return cls("settings.unknown", f"There is no setting “{name}”.", f"The settings are {', '.join(known)}.")

    @classmethod
    def not_a_value(cls, name: str, value: str, meant: str) -> Self:
        return cls("settings.value", f"“{value}” is no value of {name}.", meant)


class TrayError(DesktopError):
    @classmethod
    def not_installed(cls) -> Self:
        first = again("Run `pip install 'videoshop-bridge[tray]'`")
        return cls(
            "tray.not_installed",
            "The tray icon's packages are not installed.",
            f"{first}; the service, its page and every command work without.",
        )

    @classmethod
    def no_place(cls, why: str) -> Self:
        return cls(
            "tray.no_place",
            f"No icon can be shown here: {why}.",
            "Use `videoshop open` for the page and `videoshop jobs` for the queue; they need no tray.",
        )

    @classmethod
    def already(cls) -> Self:
        return cls("tray.already", "The icon is shown already.", "Look for it in the tray; nothing else is needed.")

    @classmethod
    def service_silent(cls, why: str) -> Self:
        return cls(
            "tray.service_silent",
            f"The service did not start: {why}.",
            "Run `videoshop doctor`: it names what is wrong.",
        )


class PluginError(DesktopError):
    @classmethod
    def not_built(cls, folder: Path, missing: str) -> Self:
        return cls(
            "plugins.not_built",
            f"There is no {missing} in {folder}.",
            f"{again('Run `npm ci && npm run build` in uxp_plugin/')}, or name the folder that has it with --from.",
        )

    @classmethod
    def not_copied(cls, place: Path, why: str) -> Self:
        return cls(
            "plugins.not_copied",
            f"{place} cannot be written: {why}.",
            "Close After Effects, then run the command again.",
        )


class UpdateError(DesktopError):
    @classmethod
    def switched_off(cls) -> Self:
        return cls(
            "update.off",
            "Looking for updates is switched off.",
            "`videoshop settings set check_for_updates on` switches it on.",
        )

    @classmethod
    def no_source(cls) -> Self:
        return cls(
            "update.no_source",
            "This copy does not look for updates: it was built without their address and the key that signs them.",
            "Install a newer version as you installed this one.",
        )

    @classmethod
    def unsafe(cls, address: str) -> Self:
        return cls("update.unsafe", f"{address} is no https address.", "Updates are fetched over https only.")

    @classmethod
    def unreachable(cls, why: str) -> Self:
        return cls(
            "update.unreachable", f"The update cannot be fetched: {why}.", "Check the network, then try again.",
            retryable=True,
        )  # fmt: skip

    @classmethod
    def not_signed(cls, what: str) -> Self:
        return cls(
            "update.not_signed",
            f"{what} is not signed by Videoshop Bridge's key, and was not taken.",
            "Try again later; if it stays so, somebody may be tampering with your network.",
        )

    @classmethod
    def malformed(cls, why: str) -> Self:
        return cls("update.malformed", f"The list of versions cannot be read: {why}.", "Try again later.")

    @classmethod
    def not_for_here(cls, version: str, system: str) -> Self:
        return cls(
            "update.not_for_here", f"Version {version} is not offered for {system}.", "Stay with this version for now."
        )

    @classmethod
    def corrupt(cls) -> Self:
        return cls(
            "update.corrupt", "What was fetched does not have the announced sha256.", "Try again.", retryable=True
        )

    @classmethod
    def unpacks_outside(cls, name: str) -> Self:
        return cls(
            "update.unpacks_outside", f"The archive would write outside its folder: {name}.", "It was not unpacked."
        )

    @classmethod
    def unhealthy(cls, version: str, why: str) -> Self:
        return cls(
            "update.unhealthy",
            f"Version {version} does not work here ({why}), and was put away.",
            "You still have the version that runs; wait for the next one.",
        )

    @classmethod
    def busy(cls, jobs: int) -> Self:
        return cls(
            "update.busy",
            f"{jobs} job(s) run: nothing is updated meanwhile.",
            "Try again when the queue is done, or pause it first.",
            retryable=True,
        )

    @classmethod
    def no_room(cls, needed: int) -> Self:
        return cls("update.no_room", f"The update needs {needed / 1e6:.0f} MB of disk.", "Free some space first.")

    @classmethod
    def not_kept(cls, path: Path, why: str) -> Self:
        return cls("update.not_kept", f"{path} cannot be written: {why}.", "See that its disk has space.")

    @classmethod
    def nothing_older(cls) -> Self:
        return cls("update.nothing_older", "There is no older version to go back to.", "Install the one that you want.")


def listed(words: Sequence[str]) -> str:
    """“a, b and c”."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"


class SetupError(DesktopError):
    @classmethod
    def unknown_part(cls, part: str) -> Self:
        return cls("setup.unknown_part", f"There is no part “{part}” to set up.", "Look at the list again.")

    @classmethod
    def not_accepted(cls, part: str, terms: str) -> Self:
        return cls(
            "setup.not_accepted",
            f"{part} is installed only after its terms were agreed to.",
            f"Read them at {terms}, and agree if you do.",
        )

    @classmethod
    def needs_engine(cls, part: str) -> Self:
        return cls(
            "setup.needs_engine",
            f"{part} is fetched by the diffusion method's engine, which is not installed.",
            "Install the engine first.",
        )

    @classmethod
    def by_hand(cls, says: str) -> Self:
        return cls("setup.by_hand", says, "It can be done by hand, as told here.")

    @classmethod
    def failed(cls, part: str, why: str) -> Self:
        """`part`: empty where all of them were only to be looked at."""
        return cls(
            "setup.failed",
            f"{part} could not be set up: {why}." if part else f"What is installed could not be found out: {why}.",
            "What was there before is there still; try it again.",
            retryable=True,
        )

    @classmethod
    def under_way(cls, part: str) -> Self:
        return cls(
            "setup.under_way",
            f"Something else is being done to {part}, or will be next.",
            "Stop that first, or wait for it.",
            retryable=True,
        )

    @classmethod
    def nothing_to_stop(cls, part: str) -> Self:
        return cls("setup.nothing_to_stop", f"Nothing is done to {part} now.", "Look at the list again.")
