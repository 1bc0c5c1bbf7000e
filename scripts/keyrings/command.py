"""`scripts/keys`: the master key, and the key rings that it wraps.

    scripts/keys new                          a fresh master key, to be kept where secrets are kept
    scripts/keys status --config bank.toml    the key rings: how many keys each holds, how many were destroyed
    scripts/keys rewrap --config bank.toml    wrap every key by the first of the master keys that are given

To change the master key, start the workers with MARKET_OF_ONE_MASTER_KEY="new,old", run `rewrap` with the same,
and start them with the new one alone: what is left of the old wrapping anywhere opens nothing any more.
"""

import argparse
import secrets
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows import settings as settings_module
from flows.access import vault_of
from flows.settings import Settings
from schemas.errors import ConfigError, MarketOfOneError
from state.sealed import Vault, ring_path


def main() -> int:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(
        prog="scripts/keys", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("action", choices=("new", "status", "rewrap"))
    parser.add_argument("--config", type=Path, help="the deployment's settings")
    options = parser.parse_args()
    if options.action == "new":
        print(secrets.token_hex(32))
        return 0
    try:
        settings = settings_module.load(options.config)
        vault = vault_of(settings)
        if vault is None:
            raise ConfigError(
                "config.bad-value", "state.encryption is off", hint="see --config FILE"
            )
        shards = _rings(settings)
        return _status(vault, shards) if options.action == "status" else _rewrap(vault, shards)
    except MarketOfOneError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, ConfigError) else 4


def _rings(settings: Settings) -> list[int]:
    folder = Path(settings.state.key_directory)
    shards = [n for n in range(settings.kafka.partitions) if ring_path(folder, n).exists()]
    if not shards:
        raise ConfigError(
            "config.bad-value",
            f"no key ring in {folder}",
            hint="set state.key_directory; a worker makes the rings when it first opens its shards",
        )
    return shards


def _status(vault: Vault, shards: list[int]) -> int:
    table = Table("shard", "keys", "destroyed")
    sums = [0, 0]
    for shard in shards:
        ring = vault.ring(shard)
        counts = ring.counts()
        ring.close()
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
        table.add_row(str(shard), *(f"{count:,}" for count in counts))
    table.add_section()
    table.add_row("all", *(f"{count:,}" for count in sums))
    Console().print(table)
    return 0


def _rewrap(vault: Vault, shards: list[int]) -> int:
    changed = 0
    for shard in shards:
        ring = vault.ring(shard)
        changed += ring.rewrap()
        ring.close()
    print(
        f"{len(shards)} key rings are under the first master key; {changed:,} keys were wrapped anew"
    )
    return 0
