"""The settings of a deployment, read once: one TOML file over the documented defaults, and the environment.

`flows/default.toml` says what each key means and holds its default; nothing here has one of its own.
Secrets are hidden in ``repr``. `Settings.digest` is in every decision.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import orjson
from pydantic import (
    BaseModel,
    ValidationError,
    model_validator,
)

from flows.sections import Backup, Consent, Decide, Ingest, Kafka, Learn, Measure, Metrics, State
from schemas.base import DAY_MS, Shape
from schemas.errors import ConfigError
from schemas.rules import Rules
from schemas.topics import CUSTOMER_EVENTS
from state.identity import Identity

CONFIG_VARIABLE = "MARKET_OF_ONE_CONFIG"
DEFAULTS = Path(__file__).with_name("default.toml")
ENVIRONMENT: Mapping[str, tuple[str, str]] = {
    "MARKET_OF_ONE_BOOTSTRAP": ("kafka", "bootstrap"),
    "MARKET_OF_ONE_SECURITY_PROTOCOL": ("kafka", "security_protocol"),
    "MARKET_OF_ONE_SASL_MECHANISM": ("kafka", "sasl_mechanism"),
    "MARKET_OF_ONE_SASL_USERNAME": ("kafka", "sasl_username"),
    "MARKET_OF_ONE_SASL_PASSWORD": ("kafka", "sasl_password"),
    "MARKET_OF_ONE_SSL_CA": ("kafka", "ssl_ca"),
    "MARKET_OF_ONE_REGISTRY_URL": ("ingest", "registry_url"),
    "MARKET_OF_ONE_REGISTRY_USER": ("ingest", "registry_user"),
    "MARKET_OF_ONE_REGISTRY_PASSWORD": ("ingest", "registry_password"),
    "MARKET_OF_ONE_PSEUDONYM_KEY": ("ingest", "pseudonym_key"),
    "MARKET_OF_ONE_STATE_DIRECTORY": ("decide", "state_directory"),
    "MARKET_OF_ONE_WORKER_ORDINAL": ("decide", "worker_ordinal"),
    "MARKET_OF_ONE_WORKER_COUNT": ("decide", "worker_count"),
    "MARKET_OF_ONE_METRICS_PORT": ("metrics", "port"),
    "MARKET_OF_ONE_SIGNING_KEY": ("consent", "signing_key"),
    "MARKET_OF_ONE_MASTER_KEY": ("state", "master_key"),
    "MARKET_OF_ONE_BACKUP_ADDRESS": ("backup", "address"),
}
"""Variable → section and key: addresses, secrets, and what differs from pod to pod."""

_LOCAL: Mapping[str, frozenset[str] | bool] = {
    "kafka": frozenset(
        {
            "bootstrap",
            "security_protocol",
            "sasl_mechanism",
            "sasl_username",
            "sasl_password",
            "ssl_ca",
            "replication",
            "sealed",
            "librdkafka",
        }
    ),
    "ingest": frozenset(
        {
            "registry_url",
            "registry_user",
            "registry_password",
            "identity_directory",
            "pseudonym_key",
            "discard_s",
        }
    ),
    "decide": frozenset(
        {
            "state_directory",
            "worker_ordinal",
            "worker_count",
            "ownership",
            "session_timeout_ms",
            "catalogue",
        }
    ),
    "metrics": frozenset({"port", "host"}),
    "state": frozenset(
        {"encryption", "key_directory", "master_key", "master_key_file", "scrub_after_s"}
    ),
    "backup": True,
    "consent": frozenset({"signing_key"}),
}
"""What no decision depends on, and the digest leaves out. The catalogue has a digest of its own."""


@dataclass(slots=True, frozen=True)
class Limits:
    """What an incoming record must keep to."""

    max_message_bytes: int = 262_144
    max_future_ms: int = DAY_MS
    oldest_ms: int = 0


class Settings(Shape):
    """Everything that can be set."""

    kafka: Kafka
    ingest: Ingest
    decide: Decide
    state: State
    backup: Backup
    learn: Learn
    measure: Measure
    consent: Consent
    metrics: Metrics
    rules: Rules

    @model_validator(mode="after")
    def _together(self) -> Self:
        decide = self.decide
        if decide.ownership == "ordinal" and decide.worker_ordinal >= decide.worker_count:
            raise ValueError("decide.worker_ordinal must be below decide.worker_count")
        if decide.worker_count > self.kafka.partitions:
            raise ValueError("decide.worker_count must not exceed kafka.partitions")
        twice = sorted(set(decide.direct_topics) & set(self.ingest.topics))
        if twice:
            raise ValueError(f"{twice} stand in both decide.direct_topics and ingest.topics")
        if self.kafka.sealed and not self.state.encryption:
            raise ValueError("kafka.sealed needs state.encryption: the keys lie in its key rings")
        if CUSTOMER_EVENTS in self.kafka.sealed and "consents" in decide.direct_topics:
            raise ValueError(
                "kafka.sealed with customer-events needs consents in ingest.topics: a request for erasure that passes "
                "ingest says which keys end with it"
            )
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of what decisions depend on, hexadecimal: no secret, address, or worker in it."""
        content = self.model_dump(mode="json", exclude=_LOCAL)  # type: ignore[arg-type]  # a Mapping
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def identity(self) -> Identity:
        """What the state of the deployment is made under, and can't be used without."""
        return Identity(self.kafka.topic_prefix, self.kafka.partitions, self.rules.seed)

    @property
    def limits(self) -> Limits:
        """The bounds that decoding checks."""
        return Limits(
            max_message_bytes=self.decide.max_message_bytes,
            max_future_ms=self.decide.max_future_s * 1000,
            oldest_ms=(self.decide.oldest - date(1970, 1, 1)).days * DAY_MS,
        )

    def kafka_config(self) -> dict[str, Any]:
        """What every librdkafka client shares, secrets in clear: don't log it."""
        return {"bootstrap.servers": self.kafka.bootstrap, **self.kafka.security()}


def load(path: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        path: The deployment's TOML file; by default the one that MARKET_OF_ONE_CONFIG names, if any.
        environment: By default the process's.

    Raises:
        ConfigError: ``config.unreadable``, ``config.unknown-key`` or ``config.bad-value``, naming the key.
            Disposition: halt.

    Example:
        >>> load(environment={"MARKET_OF_ONE_METRICS_PORT": "9100"}).metrics.port
        9100
    """
    environment = os.environ if environment is None else environment
    if path is None and environment.get(CONFIG_VARIABLE):
        path = Path(environment[CONFIG_VARIABLE])
    content = _read(DEFAULTS)
    if path is not None:
        content = _merged(content, _read(path))
    return settings_of(_merged(content, _from_environment(environment)))


def settings_of(content: Mapping[str, Any]) -> Settings:
    """The settings in a whole table, as `load` puts it together.

    Raises:
        ConfigError: ``config.unknown-key`` or ``config.bad-value``.
    """
    try:
        # As JSON, so that arrays are tuples and days are text, and all else is strict.
        return Settings.model_validate_json(orjson.dumps(content))
    except ValidationError as error:
        raise _explain(error) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "config.unreadable", f"{path}: {error.strerror}", hint=f"see {CONFIG_VARIABLE}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config.unreadable", f"{path}: {error}", hint="it must be TOML"
        ) from error


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = _merged(under, value) if both else value  # type: ignore[arg-type]  # both are
    return merged


def _from_environment(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = {}
    for variable, (section, key) in ENVIRONMENT.items():
        text = environment.get(variable)
        if text is not None:
            content.setdefault(section, {})[key] = _typed(text, section=section, key=key)
    return content


def _typed(text: str, *, section: str, key: str) -> str | int:
    wanted = _shape_at((section,)).model_fields[key].annotation
    # What is no number stays text, and is refused with the name of its key.
    return int(text) if wanted is int and text.isascii() and text.isdigit() else text


def _explain(error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        known = list(_shape_at(path[:-1]).model_fields)
        near = get_close_matches(path[-1], known, n=1)
        hint = (
            f"did you mean {'.'.join([*path[:-1], near[0]])}?"
            if near
            else f"known: {', '.join(known)}"
        )
        return ConfigError("config.unknown-key", key, hint=hint)
    # A rule across keys has no one value to show; a secret has none that may be shown.
    shown = isinstance(first["input"], str | int | float | bool) and not key.startswith(
        (
            "kafka.sasl_",
            "consent.signing_key",
            "ingest.registry_",
            "ingest.pseudonym_",
            "state.master_key",
        )
    )
    given = f", got {first['input']!r}" if shown else ""
    words = first["msg"].removeprefix("Value error, ")
    detail = f"{key}: {words}{given}" if key else words
    return ConfigError("config.bad-value", detail, hint=f"{DEFAULTS.name} says what each key means")


def _shape_at(path: list[str] | tuple[str, ...]) -> type[BaseModel]:
    shape: type[BaseModel] = Settings
    for part in path:
        inner = shape.model_fields[part].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            shape = inner
    return shape
