"""How a deployment reaches its brokers and its keys."""

from pathlib import Path

from flows.kafka.client import Connection
from flows.kafka.seal import TopicSeal
from flows.settings import Settings
from state.sealed import Vault


def connection_of(settings: Settings) -> Connection:
    """How to reach the brokers, and what opens what is sealed on them.

    Raises:
        ConfigError: There is no master key, or it can't be one. Disposition: halt.
    """
    kafka, own = settings.kafka, settings.state
    seal = None
    # Who seals nothing may lack the master key, and who has it opens what was sealed earlier.
    keyed = own.master_key.get_secret_value() or own.master_key_file
    vault = vault_of(settings) if kafka.sealed or keyed else None
    if vault is not None:
        folder = Path(settings.state.key_directory)
        seal = TopicSeal(folder, vault, shards=kafka.partitions, roles=kafka.sealed)
    return Connection(
        kafka.bootstrap, prefix=kafka.topic_prefix, security=kafka.security(), seal=seal
    )


def vault_of(settings: Settings) -> Vault | None:
    """What seals the shards; None when they are plain.

    Raises:
        ConfigError: There is no master key, or it can't be one. Disposition: halt.
    """
    own = settings.state
    if not own.encryption:
        return None
    cached = settings.decide.lru_customers
    return Vault(Path(own.key_directory), masters=own.masters(), cached=cached)
