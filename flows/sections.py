"""The sections of the settings, each a frozen shape. `flows/default.toml` says what each key means."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from flows.signing import Signer
from operators.bandits.ridge import Levers
from operators.receipts import Seal
from operators.value.lifetime import ValueLevers
from operators.value.signs import SignLevers
from schemas.base import Shape
from schemas.consents import Controller
from schemas.errors import ConfigError
from schemas.topics import CUSTOMER_EVENTS, OUTPUTS, SOURCES_IN
from state.depot import Depot, open_depot

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._\-]{1,200}$")]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Kafka(Shape):
    """The brokers, and how topics are named and cut."""

    bootstrap: Annotated[str, StringConstraints(min_length=1)]
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    sasl_username: SecretStr
    sasl_password: SecretStr
    ssl_ca: str
    topic_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._\-]{0,100}$")]
    partitions: Annotated[int, Field(ge=1, le=4096)]
    replication: Annotated[int, Field(ge=1, le=9)]
    sealed: tuple[Literal[CUSTOMER_EVENTS, *OUTPUTS], ...]  # type: ignore[valid-type]  # as below
    librdkafka: dict[str, str | int | float | bool] = Field(repr=False)

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        given = bool(
            self.sasl_username.get_secret_value() and self.sasl_password.get_secret_value()
        )
        if self.security_protocol.startswith("SASL") and not given:
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        return self

    def security(self) -> dict[str, Any]:
        """What librdkafka needs besides the addresses, secrets in clear: don't log it."""
        config: dict[str, Any] = {"security.protocol": self.security_protocol}
        if self.security_protocol.startswith("SASL"):
            config |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.sasl_username.get_secret_value(),
                "sasl.password": self.sasl_password.get_secret_value(),
            }
        if self.ssl_ca:
            config["ssl.ca.location"] = self.ssl_ca
        return config | self.librdkafka


class Table(Shape):
    """How the rows of a core-banking table of transactions are read.

    ``columns`` is native name → column, for each that is called otherwise: transaction_id, account, customer,
    amount or amount_minor, currency, at, status, direction, balance, method, merchant, mcc, country,
    counterparty, reference, reverses, value_on. ``currency`` is for a table without such a column,
    ``issuer`` names the bank whose account numbers they are.
    """

    columns: dict[str, str] = Field(default_factory=dict)
    currency: Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")] = ""
    issuer: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\-]{0,60}$")] = ""


Format = Literal[
    "auto",
    "native",
    "cloudevents",
    "camt",
    "debezium",
    "openbanking-uk",
    "berlin-group",
    "registry",
]


class Ingest(Shape):
    """The flow that brings sources onto the customers' log."""

    topics: tuple[Literal[SOURCES_IN], ...]  # type: ignore[valid-type]  # mypy wants literals spelt
    group: Name
    formats: dict[str, Format]
    tables: dict[str, Table]
    registry_url: str
    registry_user: SecretStr
    registry_password: SecretStr
    identity_directory: Annotated[str, StringConstraints(min_length=1)]
    pseudonym_key: SecretStr
    max_message_bytes: Count
    held_per_holder: Count
    held_in_all: Count
    discard_s: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(set(self.formats) - set(SOURCES_IN))
        if unknown:
            raise ValueError(f"formats names no source topic: {', '.join(unknown)}")
        return self


class Decide(Shape):
    """The flow that decides."""

    group: Name
    direct_topics: tuple[Literal[SOURCES_IN], ...]  # type: ignore[valid-type]  # as above
    state_directory: Annotated[str, StringConstraints(min_length=1)]
    worker_ordinal: Annotated[int, Field(ge=0)]
    worker_count: Count
    ownership: Literal["ordinal", "group"]
    session_timeout_ms: Annotated[int, Field(ge=1000, le=3_600_000)]
    batch_max: Annotated[int, Field(ge=1, le=100_000)]
    small_minor: Annotated[int, Field(ge=0)]
    lru_customers: Annotated[int, Field(ge=0)]
    lru_bytes: Annotated[int, Field(ge=0)]
    idle_block_ms: Annotated[int, Field(ge=0, le=1000)]
    wal_sync_ms: Annotated[int, Field(ge=1, le=60_000)]
    clock: Literal["wall", "event"]
    max_future_s: Annotated[int, Field(ge=0)]
    oldest: date
    max_message_bytes: Count
    catalogue: str
    caps: dict[Name, Annotated[int, Field(ge=0, lt=1 << 24)]]
    budgets: dict[Name, Annotated[int, Field(ge=0, lt=1 << 24)]]


class State(Shape):
    """How the state lies on the disk."""

    encryption: bool
    key_directory: Annotated[str, StringConstraints(min_length=1)]
    master_key: SecretStr
    master_key_file: str
    scrub_after_s: Annotated[float, Field(ge=0)]

    def masters(self) -> tuple[bytes, ...]:
        """The master keys, the one that wraps first.

        Raises:
            ConfigError: There is none, or one is not 32 bytes in hexadecimal. Disposition: halt.
        """
        text = self.master_key.get_secret_value()
        if not text and self.master_key_file:
            try:
                text = Path(self.master_key_file).read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError("config.unreadable", f"state.master_key_file: {error}") from error
        keys = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
        if not keys or not all(re.fullmatch(r"[0-9a-fA-F]{64}", key) for key in keys):
            raise ConfigError(
                "config.bad-value",
                "state.master_key: " + ("not 64 hexadecimal digits" if keys else "none is given"),
                hint="scripts/keys new makes one; give it in MARKET_OF_ONE_MASTER_KEY or in the file that "
                "state.master_key_file names",
            )
        return tuple(map(bytes.fromhex, keys))


class Backup(Shape):
    """Where the shards are backed up to, and how often."""

    address: str
    every_s: Positive
    keep: Count

    def depot(self) -> Depot | None:
        """The place; None when there are to be no backups.

        Raises:
            StateError: ``state.backup-unreachable``. Disposition: halt.
        """
        return open_depot(self.address) if self.address else None


class Learn(Shape):
    """The flow that learns; the levers of the committee are governed, see `operators.bandits`."""

    group: Name
    refresh_max_lessons: Count
    refresh_idle_ms: Count
    ridge: Positive
    ridge_main: Positive
    ridge_offset: Positive
    spread: Annotated[float, Field(ge=0)]
    floor: Share
    members: Annotated[int, Field(ge=2, le=4096)]
    half_life_days: Positive
    weight_customer: Positive
    weight_bank: Annotated[float, Field(ge=0)]
    discount_year: Share
    ridge_value: Positive
    leave_days: Positive
    signs_days: Annotated[float, Field(ge=0)]
    ridge_signs: Positive
    memory_days: Positive
    memory_lessons_max: Count
    keep_every: Count
    keep_count: Count
    budgets: dict[Name, Positive]

    def levers(self) -> Levers:
        """The governed settings of the committee."""
        return Levers(
            ridge=self.ridge,
            ridge_main=self.ridge_main,
            ridge_offset=self.ridge_offset,
            spread=self.spread,
            floor=self.floor,
            members=self.members,
            half_life_days=self.half_life_days,
            weight_customer=self.weight_customer,
            weight_bank=self.weight_bank,
        )

    def lifetime(self) -> ValueLevers:
        """Those of lifetime value and of early labels."""
        signs = SignLevers(self.signs_days, self.ridge_signs)
        return ValueLevers(self.discount_year, self.ridge_value, self.leave_days, signs)


class Measure(Shape):
    """The flow that measures."""

    group: Name
    every_s: Positive


class Consent(Controller):
    """Who asks for consent, and the key that receipts are signed with."""

    signing_key: SecretStr

    def seal(self) -> Seal | None:
        """What signs receipts; None without a key.

        Raises:
            ConfigError: ``config.bad-value``. Disposition: halt.
        """
        seed = self.signing_key.get_secret_value()
        return Signer(seed).seal if seed else None


class Metrics(Shape):
    """The Prometheus endpoint."""

    port: Annotated[int, Field(ge=0, le=65_535)]
    host: Annotated[str, StringConstraints(min_length=1)]
