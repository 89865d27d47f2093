"""Where the service keeps its files, per system and user."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

CONFIG = "VIDEOSHOP_CONFIG"
"""Environment variable that moves the folder of the token, the lock and the discovery file."""
DATA = "VIDEOSHOP_DATA"
"""Environment variable that moves the folder of jobs, their results and the logs."""


@dataclass(frozen=True)
class Places:
    """`config`: the token, the lock, the discovery file. `data`: jobs and results, which can be large, and logs."""

    config: Path
    data: Path

    @classmethod
    def of_user(cls) -> "Places":
        config, data = os.environ.get(CONFIG), os.environ.get(DATA)
        return cls(
            Path(config).absolute() if config else platformdirs.user_config_path("videoshop", appauthor=False),
            Path(data).absolute() if data else platformdirs.user_data_path("videoshop", appauthor=False),
        )

    @property
    def token(self) -> Path:
        return self.config / "token"

    @property
    def settings(self) -> Path:
        return self.config / "settings.json"

    @property
    def made(self) -> Path:
        """What was made outside these folders."""
        return self.config / "made.json"

    @property
    def versions(self) -> Path:
        """Versions of the app that updates brought."""
        return self.data / "versions"

    @property
    def current_version(self) -> Path:
        """Which of them runs."""
        return self.versions / "current.json"

    @property
    def discovery(self) -> Path:
        return self.config / "bridge.json"

    @property
    def lock(self) -> Path:
        return self.config / "bridge.lock"

    @property
    def engine(self) -> Path:
        """Where the engine's environment is kept unless it was moved; `runtime.home` says where it is."""
        return self.data / "engine"

    @property
    def engine_moved(self) -> Path:
        """Names the folder that the engine's environment was moved to."""
        return self.config / "engine.json"

    @property
    def journal(self) -> Path:
        return self.data / "journal.sqlite"

    @property
    def jobs(self) -> Path:
        return self.data / "jobs"

    @property
    def incoming(self) -> Path:
        return self.data / "incoming"

    @property
    def frames(self) -> Path:
        return self.data / "frames"

    @property
    def logs(self) -> Path:
        return self.data / "logs"


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner enters; the folders above it too, where they are missing."""
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
    except FileNotFoundError:
        private_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)
    return folder
