"""Settings: every key documented, every mistake named, no secret shown."""

import re
import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.settings import CONFIG_VARIABLE, DEFAULTS, ENVIRONMENT, Limits, Settings, load
from schemas.base import DAY_MS
from schemas.errors import ConfigError
from schemas.rules import Rules

SECRET = "hunter2-hunter2"  # noqa: S105  # opens nothing
SASL = {
    "MARKET_OF_ONE_SECURITY_PROTOCOL": "SASL_SSL",
    "MARKET_OF_ONE_SASL_USERNAME": "worker",
    "MARKET_OF_ONE_SASL_PASSWORD": SECRET,
}


def from_toml(tmp_path: Path, text: str, **environment: str) -> Settings:
    path = tmp_path / "market.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environment=environment)


def test_every_default_has_a_comment() -> None:
    """Each key of the default file stands under a line that says what it means."""
    lines = DEFAULTS.read_text(encoding="utf-8").splitlines()
    for before, line in pairwise(lines):
        # Two pairs of keys share the line above the first.
        if re.match(r"\w+ = ", line) and not re.match(r"worker_count|sasl_(user|pass)", line):
            assert before.startswith("#"), line


def test_defaults_of_rules_are_those_of_the_shape() -> None:
    """The file and the shape that the logic tests use say the same."""
    assert load(environment={}).rules == Rules()
    content = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
    assert set(content["rules"]) == set(Rules.model_fields)


def test_every_variable_is_documented_and_works(tmp_path: Path) -> None:
    """The head of the default file lists the environment's variables, and each sets its key."""
    head = DEFAULTS.read_text(encoding="utf-8").split("[kafka]")[0]
    listed = dict(re.findall(r"^# +(MARKET_OF_ONE_\w+) +(\w+\.\w+)$", head, re.MULTILINE))
    assert listed == {name: ".".join(path) for name, path in ENVIRONMENT.items()}
    environment = SASL | {
        "MARKET_OF_ONE_BOOTSTRAP": "a:1,b:2",
        "MARKET_OF_ONE_WORKER_ORDINAL": "3",
        "MARKET_OF_ONE_WORKER_COUNT": "4",
        "MARKET_OF_ONE_METRICS_PORT": "9100",
        "MARKET_OF_ONE_STATE_DIRECTORY": str(tmp_path),
    }
    settings = load(environment=environment)
    assert (settings.decide.worker_ordinal, settings.decide.worker_count) == (3, 4)
    assert settings.decide.state_directory == str(tmp_path)
    assert settings.metrics.port == 9100
    assert settings.kafka_config() == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "worker",
        "sasl.password": SECRET,
    }


def test_file_over_defaults_and_environment_over_file(tmp_path: Path) -> None:
    """What a file leaves out stays the default; the environment has the last word."""
    text = "[kafka]\nbootstrap = 'file:1'\n[decide]\nbatch_max = 7\noldest = 2020-01-02\n"
    settings = from_toml(tmp_path, text, MARKET_OF_ONE_BOOTSTRAP="pod:1")
    assert settings.kafka.bootstrap == "pod:1"
    assert (settings.decide.batch_max, settings.decide.oldest) == (7, date(2020, 1, 2))
    assert settings.decide.clock == "wall"
    assert settings.limits.oldest_ms == 18_263 * DAY_MS
    named = {CONFIG_VARIABLE: str(tmp_path / "market.toml")}
    assert load(environment=named).kafka.bootstrap == "file:1"


def test_limits_follow_the_settings() -> None:
    """The defaults of `Limits` are those of the file."""
    assert load(environment={}).limits == Limits()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            "[decide]\nbatch_mx = 3",
            "config.unknown-key",
            "decide.batch_mx (did you mean decide.batch_max?)",
        ),
        ("[decid]\nbatch_max = 3", "config.unknown-key", "did you mean decide?"),
        ("[metrics]\nxyzzy = 3", "config.unknown-key", "known: port, host"),
        ("[decide]\nbatch_max = 0", "config.bad-value", "decide.batch_max: "),
        ("[decide]\nbatch_max = '5'", "config.bad-value", "got '5'"),
        ("[decide]\nbatch_max = true", "config.bad-value", "decide.batch_max: "),
        ("[decide]\noldest = 'soon'", "config.bad-value", "decide.oldest: "),
        ("[rules]\nholdout_share = 1.5", "config.bad-value", "rules.holdout_share: "),
        ("[rules]\nholdout_share = nan", "config.bad-value", "rules.holdout_share: "),
        ("[ingest]\ntopics = ['weather']", "config.bad-value", "got 'weather'"),
        ("decide = 3", "config.bad-value", "decide: "),
        ("[decide]\nworker_ordinal = 1", "config.bad-value", "decide.worker_ordinal must be below"),
        ("[decide]\nworker_count = 65", "config.bad-value", "must not exceed kafka.partitions"),
        (
            "[decide]\ndirect_topics = ['consents']",
            "config.bad-value",
            "['consents'] stand in both",
        ),
        ("[kafka]\nsecurity_protocol = 'SASL_SSL'", "config.bad-value", "needs sasl_username"),
        ("[", "config.unreadable", "market.toml"),
    ],
)
def test_mistake_is_named(tmp_path: Path, text: str, code: str, words: str) -> None:
    """An error says which key, what is wrong with it, and what was perhaps meant."""
    with pytest.raises(ConfigError) as caught:
        from_toml(tmp_path, text)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere stops the start."""
    with pytest.raises(ConfigError, match=r"config\.unreadable.*absent\.toml: No such file"):
        load(tmp_path / "absent.toml", environment={})


def test_bad_variable_is_named() -> None:
    """A variable that is no number is refused under its key."""
    with pytest.raises(ConfigError, match=r"metrics\.port.*got 'http'"):
        load(environment={"MARKET_OF_ONE_METRICS_PORT": "http"})


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Neither repr, nor a dump, nor an error shows a secret."""
    settings = from_toml(tmp_path, f'[kafka.librdkafka]\n"ssl.key.password" = "{SECRET}"\n', **SASL)
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.kafka)
    assert settings.kafka_config()["ssl.key.password"] == SECRET
    with pytest.raises(ConfigError) as caught:
        from_toml(tmp_path, f"[kafka]\nsasl_password = ['{SECRET}']\n")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("[kafka]\nbootstrap = 'elsewhere:9092'", True),
        ("[kafka.librdkafka]\n'socket.timeout.ms' = 1", True),
        ("[decide]\nworker_count = 2\nworker_ordinal = 1\nstate_directory = 'x'", True),
        ("[metrics]\nport = 1", True),
        ("[rules]\nholdout_share = 0.06", False),
        ("[rules]\nseed = 'other'", False),
        ("[kafka]\npartitions = 32", False),
        ("[learn]\nfloor = 0.03", False),
    ],
)
def test_digest_is_of_what_decisions_depend_on(tmp_path: Path, text: str, same: Any) -> None:
    """All workers of a deployment share a digest; a change of policy changes it."""
    assert (from_toml(tmp_path, text).digest == load(environment={}).digest) is same


def test_settings_are_frozen() -> None:
    """Nothing is changed after the start."""
    section: Any = load(environment={}).decide
    with pytest.raises(ValueError, match="frozen"):
        section.batch_max = 1


def test_master_keys_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """The first of several wraps; what can't be a key is refused without being shown."""
    new, old = "ab" * 32, "01" * 32
    state = load(environment={"MARKET_OF_ONE_MASTER_KEY": f"{new}, {old}"}).state
    assert state.masters() == (bytes.fromhex(new), bytes.fromhex(old))
    file = tmp_path / "master"
    file.write_text(f"{new}\n", encoding="ascii")
    text = f'[state]\nmaster_key_file = "{file}"'
    assert from_toml(tmp_path, text).state.masters() == (bytes.fromhex(new),)
    file.unlink()
    for given, code in (({}, "config.unreadable"), ({"MARKET_OF_ONE_MASTER_KEY": SECRET}, "")):
        settings = from_toml(tmp_path, text, **given)
        with pytest.raises(ConfigError) as caught:
            settings.state.masters()
        assert caught.value.code == (code or "config.bad-value")
        assert SECRET not in str(caught.value)
        assert SECRET not in repr(settings)
