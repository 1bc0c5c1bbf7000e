import pytest
from rich.console import Console

from schemas.decisions import SILENCE
from scripts.console import Header, Tally, render
from scripts.console.acceptance import Acceptance, Judged, Said, arm_of, spark, wilson
from scripts.console.tally import CAUSE
from scripts.console.words import plain_line, summary
from scripts.demo_app.screen import Screen

BEGAN_MS = 1_741_000_000_000
WALL_MS = 1_795_000_000_000
HEADER = Header("Apache Kafka 4", "simulated town", "7", 300)


def offer(number: int, arm: str, **more: object) -> dict[str, object]:
    """A message of the ``offers`` topic."""
    return {
        "type": "offer.issued",
        "decision_id": f"d{number}",
        "customer": f"c{number:05d}",
        "title": "Insure your journey",
        "reason": "You booked a flight, and have no cover yet.",
        "propensity": 0.25,
        "arm": arm,
        "kind": "offer",
        **more,
    }


@pytest.fixture
def tally() -> Tally:
    """A run of a minute."""
    made = Tally(HEADER, began_wall_ms=WALL_MS, wall_ms=WALL_MS + 60_000, began_ms=BEGAN_MS)
    for number in range(600):
        wall_ms = WALL_MS + number * 100
        event = {"event_id": f"e{number}", "kind": "app.opened"}
        made.sent(event, at_ms=BEGAN_MS + number * 3_600_000, wall_ms=wall_ms)
        if number % 2 == 0:
            said = number % 4 == 0
            chosen = "travel_insurance" if said else SILENCE
            decision = {"chosen": chosen, "trigger": {"id": f"e{number}"}, "degraded": []}
            made.take("decisions", decision, timestamp_ms=wall_ms + 10 + number % 7)
            if said:
                arm = "control" if number % 3 == 0 else "exploit"
                made.take("offers", offer(number, arm))
                made.judge(Judged(arm_of(arm), 0.1, 0.05, 0.2, 3.0, 1.0, 5.0))
            if number % 20 == 0:
                done = {"type": "feedback", "outcome": "completed", "decision_id": f"d{number}"}
                made.take("impact", done)
    for code in (b"input.malformed", b"input.malformed", b"input.unknown-kind"):
        made.take("dead-letters", {}, headers={CAUSE: code})
    made.take("insights", {"customer": "c00001", "words": "Your pay has come."})
    made.take("models", {"kind": "committee", "version": 4, "body": {"lessons": 70}})
    return made


def screen_of(tally: Tally, *, width: int, height: int) -> list[str]:
    """The live view as lines of text."""
    console = Console(width=width, height=height, color_system=None, force_terminal=True)
    with console.capture() as captured:
        console.print(render(tally, width=width, height=height))
    return captured.get().rstrip("\n").split("\n")


def test_counts(tally: Tally) -> None:
    """Messages are counted by what they are."""
    assert tally.events.total == 600
    assert tally.decisions.total == 300
    assert (tally.offers, tally.silences) == (150, 150)
    assert tally.dead == {"input.malformed": 2, "input.unknown-kind": 1}
    assert tally.acceptance.count("control") == (10, 50)
    assert tally.acceptance.count("committee") == (20, 100)
    assert tally.models == {"committee": (4, 70)}


def test_latency_is_from_event_to_decision(tally: Tally) -> None:
    """Percentiles come from the producing of the trigger to the record on the log."""
    assert tally.latency(0.5) in {12, 13, 14}
    assert tally.latency(0.99) == 16
    assert Tally(HEADER).latency(0.5) is None


def test_offer_seen_twice_counts_once(tally: Tally) -> None:
    """A message that is delivered again changes nothing."""
    before = tally.offers
    tally.take("offers", offer(0, "exploit"))
    assert tally.offers == before


def test_completion_before_its_offer_counts() -> None:
    """Topics have no common order: an answer may be read before what it answers."""
    tally = Tally(HEADER)
    tally.take("impact", {"type": "feedback", "outcome": "completed", "decision_id": "d5"})
    tally.take("offers", offer(5, "explore"))
    assert tally.acceptance.count("committee") == (1, 1)


@pytest.mark.parametrize(("width", "height"), [(100, 30), (140, 45)])
def test_view_fits(tally: Tally, width: int, height: int) -> None:
    """The view fills the screen and no more, and shows the figures that matter."""
    lines = screen_of(tally, width=width, height=height)
    text = "\n".join(lines)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    for words in (
        "Apache Kafka 4", "seed 7", "events in", "600", "p50", "dead letters 3", "committee",
        "control", "Insure your journey", "You booked a flight", "0.25", "Your pay has come",
        "committee v4", "true chance",
    ):  # fmt: skip
        assert words in text, words


def test_a_replay_is_not_blamed() -> None:
    """Where nobody can answer, no share taken up is claimed."""
    tally = Tally(Header("b", "replay", "1", 2, answering=False))
    tally.take("offers", offer(1, "exploit"))
    assert "1 said; a replay can't answer" in summary(tally)
    assert "0.0 %" not in summary(tally)


def test_view_of_nothing() -> None:
    """Before the first event the view is whole as well."""
    lines = screen_of(Tally(HEADER), width=100, height=30)
    assert len(lines) == 30
    assert "nothing said yet" in "\n".join(lines)


def test_markup_in_a_text_is_text(tally: Tally) -> None:
    """What comes over the wire can't dress up the screen."""
    tally.take("offers", offer(9_999, "exploit", title="[red]hot[/red] deal"))
    assert "[red]hot" in "\n".join(screen_of(tally, width=140, height=45))


def test_summary_has_the_figures_of_the_run(tally: Tally) -> None:
    """The closing words hold counts, intervals and uplift."""
    difference = {"estimate": 0.031, "low": 0.01, "high": 0.052, "decided": True}
    tally.take(
        "impact",
        {
            "type": "uplift",
            "horizon_days": 28,
            "matured": {"treatment": 10, "holdout": 2},
            "value_uplift_eur": {"treatment_minus_holdout": {"estimate": None}},
            "acceptance_uplift": {"treatment_minus_control": difference},
        },
    )
    text = summary(tally)
    assert "600 sent" in text
    assert "20.0 % of 100" in text
    assert "+3.1 points [+1.0, +5.2]" in text
    assert "too few yet" in text
    assert "input.malformed 2" in text
    assert "\n" not in plain_line(tally)


def test_no_terminal_gives_lines(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a line comes every five seconds."""
    with Screen(tally, plain=False, console=Console(force_terminal=False)) as screen:
        for second in range(11):
            screen.show(100.0 + second)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_series_shares_its_spans() -> None:
    """Both arms are cut at the same instants, so that they can be read one below the other."""
    acceptance = Acceptance()
    for number in range(100):
        arm = "committee" if number < 90 else "control"
        acceptance.said[str(number)] = Said(arm, number, completed=number % 2 == 0)
    assert acceptance.series("control", bins=10) == [None] * 9 + [0.5]
    assert acceptance.series("committee", bins=10) == [0.5] * 9 + [None]


def test_wilson_holds_the_share() -> None:
    """The interval contains the share, narrows with more, and knows nothing from nothing."""
    assert wilson(0, 0) == (0.0, 1.0)
    narrow, wide = wilson(100, 1000), wilson(10, 100)
    assert wide[0] < narrow[0] < 0.1 < narrow[1] < wide[1]


def test_spark_of_nothing_is_flat() -> None:
    """No completions at all is a flat line, not a division by zero."""
    assert spark([0.0, None, 0.0], top=0.0) == "▁·▁"


def test_lifts_are_paired() -> None:
    """What choosing adds is counted moment by moment, and only from enough of them."""
    accepted = Acceptance()
    for number in range(40):
        even = 0.05 + number / 1000  # differs from moment to moment, what choosing adds does not
        accepted.judged.append(Judged("committee", even + 0.02, even, 0.3, 2.0, 1.5, 3.0))
        accepted.judged.append(Judged("control", 0.01, even, 0.3, 0.0, 1.5, 3.0))
        if number == 20:
            assert accepted.lifts("committee") is None
    lifts = accepted.lifts("committee")
    assert lifts is not None
    (chance, chance_half), (worth, worth_half) = lifts
    assert (chance, chance_half) == pytest.approx((0.02, 0.0), abs=1e-9)
    assert (worth, worth_half) == pytest.approx((0.5, 0.0), abs=1e-9)
