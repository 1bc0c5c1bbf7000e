import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from flows import settings
from flows.metrics import Metrics
from flows.records import Record
from scripts.console import Header, Tally
from scripts.demo_app import settings_file
from scripts.demo_app.children import ChildError, Children, count_in, scrape, withheld_in
from scripts.demo_app.main import READ
from scripts.demo_app.options import CUSTOMERS_MIN, parse
from scripts.demo_app.pace import Pacer
from scripts.demo_app.world import TownWorld
from scripts.town import Emitted


def records(count: int, *, gap_ms: int = 1000) -> list[Emitted]:
    """Events at equal distances of simulated time."""
    return [Emitted(n * gap_ms, "app-events", "c1", {"event_id": str(n)}) for n in range(count)]


def test_defaults_fit_the_broker() -> None:
    """Without wishes, rate and size suit the broker."""
    options = parse([])
    assert options.rate_on("apache") == 300
    assert options.rate_on("embedded") == 100
    assert options.customers_at(300) == 1050
    assert options.customers_at(10) == CUSTOMERS_MIN


def test_wishes_are_kept() -> None:
    """What the command line says, holds."""
    options = parse(["--rate", "50", "--customers", "7", "--replay", "berka", "data", "--plain"])
    assert options.rate_on("apache") == 50
    assert options.customers_at(50) == 7
    assert options.replay == Path("data")
    assert options.plain


@pytest.mark.parametrize(
    "wrong",
    [
        ["--minutes", "0"],
        ["--rate", "fast"],
        ["--customers", "0"],
        ["--replay", "other", "data"],
        ["--prefer", "redpanda"],
    ],
)
def test_wrong_wishes_end_with_status_2(wrong: list[str]) -> None:
    """A command line that can't be is refused before anything is started."""
    with pytest.raises(SystemExit) as ended:
        parse(wrong)
    assert ended.value.code == 2


def test_pace_keeps_the_rate() -> None:
    """So many events a second, and no burst after a pause."""
    pacer = Pacer(iter(records(10_000)), rate=100, speed_up=None)
    given = sum(len(list(pacer.due(turn * 0.05))) for turn in range(101))
    assert 490 <= given <= 500
    assert len(list(pacer.due(60.0))) <= 25
    assert not pacer.finished


def test_history_goes_ten_times_as_fast() -> None:
    """What is of before the beginning of the world's own time is a first copy, and nobody waits for it."""
    made = list(records(10_000))
    pacer = Pacer(iter(made), rate=100, speed_up=None, live_from_ms=made[500].at_ms)
    list(pacer.due(0.0))
    history = sum(len(list(pacer.due(turn * 0.25))) for turn in range(1, 4))
    assert history == 500
    assert pacer.copied


def test_nothing_goes_live_before_the_history_is_taken_in() -> None:
    """Who speaks now does not wait behind a first copy."""
    made = list(records(1_000))
    pacer = Pacer(iter(made), rate=100, speed_up=None, live_from_ms=made[5].at_ms)
    list(pacer.due(0.0))
    assert [one.at_ms for one in pacer.due(1.0)] == [one.at_ms for one in made[:5]]
    assert not list(pacer.due(9.0))
    pacer.taken_in = True
    assert next(pacer.due(10.0)) == made[5]


@pytest.mark.parametrize(("flow", "count"), [("ingest", 3), ("decide", 1)])
def test_what_a_flow_has_read_is_in_its_metrics(flow: str, count: int) -> None:
    """The demo knows by it that the history is taken in; under another name it would believe so at once."""
    metrics = Metrics(flow)
    metrics.translated(3)
    metrics.read([Record("customer-events", 0, 0, b"c1", b"{}", (), 0)], now_ms=0)
    assert count_in(generate_latest(metrics.registry).decode(), READ[flow]) == count


def test_history_waits_for_what_was_agreed_to() -> None:
    """After the first day, which holds contracts and consents, the first copy waits for a moment."""
    made = [one._replace(at_ms=index * 8_640_000) for index, one in enumerate(records(1_000))]
    pacer = Pacer(iter(made), rate=100, speed_up=None, live_from_ms=made[-1].at_ms)
    list(pacer.due(0.0))
    early = [one for turn in range(1, 8) for one in pacer.due(turn * 0.25)]
    assert [one.at_ms for one in early] == [one.at_ms for one in made[:10]]
    assert len(list(pacer.due(2.5))) > 100


def test_speed_up_holds_back() -> None:
    """Nothing comes before its simulated time, and all comes in the end."""
    pacer = Pacer(iter(records(100)), rate=10_000, speed_up=10.0)
    list(pacer.due(0.0))
    given = [list(pacer.due(0.5 * turn)) for turn in range(1, 30)]
    assert sum(map(len, given[:2])) <= 11
    assert sum(map(len, given)) >= 99
    assert pacer.finished


def test_settings_load(tmp_path: Path) -> None:
    """The flows accept the settings that the demo writes."""
    path = settings_file.write(tmp_path, bootstrap="127.0.0.1:1", prefix="demo.")
    loaded = settings.load(path, environment={})
    assert loaded.decide.clock == "event"
    assert loaded.kafka.topic_prefix == "demo."
    assert loaded.rules.control_share > settings.load(environment={}).rules.control_share


def test_dead_child_shows_its_log(tmp_path: Path) -> None:
    """A flow that ends by itself is told with the end of its log."""
    children = Children(tmp_path, environment=os.environ)
    children.start("decide", settings=tmp_path / "missing.toml", metrics_port=1)
    with pytest.raises(ChildError, match="flow decide ended") as caught:
        children.wait_for(1)
    assert "missing.toml" in str(caught.value)
    children.stop()


def test_a_flow_shares_our_session_and_not_our_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C does not reach it, and Linux's autogroup does not hold it back behind us, or us behind it."""
    begun: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            begun.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    children = Children(tmp_path, environment=os.environ)
    children.start("decide", settings=tmp_path / "missing.toml", metrics_port=1)
    (flow,) = begun
    # Until it is waited for it has both, even when it has ended.
    assert os.getsid(flow.pid) == os.getsid(0)
    assert os.getpgid(flow.pid) == flow.pid
    children.stop()


def test_metrics_are_read() -> None:
    """Withheld events are found by source; nobody there is no error."""
    text = 'x_total 3.0\nmarket_of_one_decide_withheld_total{source="app"} 12.0\n'
    assert withheld_in(text) == {"app": 12}
    assert scrape(1) is None


def test_town_judges_decisions() -> None:
    """The console is told the true chance and worth of a choice, beside all that the rules allowed."""
    world = TownWorld("demo", 3)
    tally = Tally(Header("b", world.name, "demo", 3))
    next(world.events())
    allowed = ("instant_saver", "travel_card", "feature_round_up")
    decision = {
        "customer": "c00001",
        "channel": "in_app",
        "arm": "exploit",
        "chosen": "travel_card",
        "candidates": [
            *({"action": action, "stage_reached": "arbitrate"} for action in allowed),
            {"action": "mortgage", "stage_reached": "screen"},
            {"action": "silence", "stage_reached": "arbitrate"},
        ],
    }
    world.judge(decision, tally)
    told = tally.acceptance.lately("committee", last=10)
    assert told is not None
    chance, worth = told
    assert 0 < chance.chosen <= chance.best < 1
    assert 0 < chance.even < chance.best
    assert chance.greedy <= chance.best
    assert 0 < worth.even < worth.best
    world.judge({**decision, "chosen": "silence"}, tally)
    halved = tally.acceptance.lately("committee", last=10)
    assert halved is not None
    assert halved[1].chosen == pytest.approx(worth.chosen / 2)
    assert halved[1].best == pytest.approx(worth.best)
