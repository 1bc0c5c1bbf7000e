"""What a command works on: settings, state directories, backups."""

from argparse import Namespace
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flows import settings as settings_module
from flows.access import vault_of
from flows.settings import Settings
from schemas.errors import ConfigError, StateError
from state.depot import Depot, open_depot
from state.directory import MANIFEST
from state.sealed import Vault
from state.verify import shards_of


@dataclass(frozen=True)
class Place:
    """Where a deployment keeps its state, as the options or the settings say."""

    options: Namespace

    @cached_property
    def settings(self) -> Settings:
        """The deployment's. Raises as `flows.settings.load`."""
        return settings_module.load(self.options.config)

    @cached_property
    def vault(self) -> Vault | None:
        """What seals the shards. Raises as `flows.access.vault_of`."""
        return vault_of(self.settings)

    @property
    def root(self) -> Path:
        """The state directory that is named; under a group each worker has a folder of its own in it."""
        return self.options.state or Path(self.settings.decide.state_directory)

    @property
    def homes(self) -> list[Path]:
        """The state directories there are.

        Raises:
            StateError: ``state.unwritable``: there is none.
        """
        root = self.root
        if (root / MANIFEST).exists() or (root.is_dir() and shards_of(root)):
            return [root]
        found = sorted(path.parent for path in root.glob(f"*/{MANIFEST}"))
        if not found:
            raise StateError(
                "state.unwritable",
                f"{root} holds no state: no {MANIFEST}",
                hint="name the decide.state_directory of a worker with --state, or its settings with --config",
            )
        return found

    @property
    def home(self) -> Path:
        """The one state directory to work in.

        Raises:
            ConfigError: There are more: one has to be named.
            StateError: As `homes`.
        """
        homes = self.homes
        if len(homes) > 1:
            raise ConfigError(
                "config.bad-value",
                f"{self.root} holds the state of {len(homes)} workers",
                hint=f"name one with --state, such as {homes[0]}",
            )
        return homes[0]

    @property
    def target(self) -> Path:
        """Where shards are put back: what is named, new or not; under a group a worker's own folder."""
        found = sorted(path.parent for path in self.root.glob(f"*/{MANIFEST}"))
        return self.home if found else self.root

    def shards(self, home: Path) -> list[int]:
        """The shards in a state directory, or those of them that are asked for.

        Raises:
            StateError: ``state.unwritable``: one that is asked for is not there.
        """
        there = shards_of(home)
        asked = getattr(self.options, "shards", None)
        if asked is None:
            return there
        missing = sorted(set(asked) - set(there))
        if missing:
            raise StateError(
                "state.unwritable",
                f"{home} holds no shard {missing[0]}",
                hint=f"it holds {', '.join(map(str, there)) or 'none'}",
            )
        return sorted(set(asked))

    @property
    def address(self) -> str:
        """Where the backups are, empty when nothing says so."""
        return self.options.backups or self.settings.backup.address

    def depot(self) -> Depot:
        """The place of the backups.

        Raises:
            ConfigError: Nothing says where.
            StateError: ``state.backup-unreachable``.
        """
        if not self.address:
            raise ConfigError(
                "config.bad-value",
                "nothing says where the backups are",
                hint="set backup.address, or name a folder or URL with --backups",
            )
        return open_depot(self.address)
