import pytest
from rich.console import Console

from schemas.decisions import SILENCE
from scripts.console import Header, Tally, render
from scripts.console.acceptance import Acceptance, Choices, Judged, Said, arm_of, spark
from scripts.console.chart import BLANK, chart
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


def decision(number: int, arm: str, *, chosen: str = "travel_insurance") -> dict[str, object]:
    """A message of the ``decisions`` topic, in which one thing could be said."""
    insurance = {"value_customer": 3_000, "value_bank": 1_000}
    return {
        "decision_id": f"d{number}",
        "customer": f"c{number % 120:05d}",
        "arm": arm,
        "chosen": chosen,
        "trigger": {"id": f"e{number}"},
        "degraded": [],
        "candidates": [
            {"action": "travel_insurance", "stage_reached": "arbitrate", **insurance},
            {"action": "mortgage", "stage_reached": "screen"},
            {"action": SILENCE, "stage_reached": "arbitrate"},
        ],
    }


def completion(number: int) -> dict[str, object]:
    """A message of the ``impact`` topic: it was taken up."""
    return {"type": "feedback", "outcome": "completed", "decision_id": f"d{number}"}


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
            arm = "control" if number % 120 % 3 == 0 else "exploit"
            record = decision(number, arm, chosen="travel_insurance" if said else SILENCE)
            made.take("decisions", record, timestamp_ms=wall_ms + 10 + number % 7)
            if said:
                made.take("offers", offer(number, arm))
            chance = Choices(0.1 if said else 0.0, 0.05, 0.08, 0.2)
            worth = Choices(3.0 if said else 0.0, 1.0, 2.0, 5.0)
            made.judge(Judged(arm_of(arm), chance, worth))
            if number % 20 == 0:
                made.take("impact", completion(number))
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
    control, committee = map(tally.acceptance.count, ("control", "committee"))
    assert (control.customers, control.moments, control.said, control.taken) == (20, 100, 50, 10)
    assert (committee.customers, committee.said, committee.taken) == (40, 100, 20)
    assert committee.worth_eur == 20 * 40.0
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
    tally.take("impact", completion(5))
    for _ in range(2):  # a decision that is delivered again changes nothing
        tally.take("decisions", decision(5, "explore"))
    count = tally.acceptance.count("committee")
    assert (count.moments, count.said, count.taken) == (1, 1, 1)


def test_a_moment_without_a_choice_is_none() -> None:
    """Where the rules allowed nothing there was nothing to choose, in either arm."""
    tally = Tally(HEADER)
    tally.take("decisions", {**decision(5, "control", chosen=SILENCE), "candidates": []})
    assert tally.acceptance.count("control").moments == 0


@pytest.mark.parametrize(("width", "height"), [(100, 30), (140, 45)])
def test_view_fits(tally: Tally, width: int, height: int) -> None:
    """The view fills the screen and no more, and shows the figures that matter."""
    lines = screen_of(tally, width=width, height=height)
    text = "\n".join(lines)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    for words in (
        "Apache Kafka 4", "seed 7", "events in", "600", "p50", "dead letters 3", "committee",
        "random", "Insure your journey", "You booked a flight", "0.25", "Your pay has come",
        "committee v4", "true chance",
    ):  # fmt: skip
        assert words in text, words


def test_a_replay_is_not_blamed() -> None:
    """Where nobody can answer, no share taken up is claimed."""
    tally = Tally(Header("b", "replay", "1", 2, answering=False))
    tally.take("decisions", decision(1, "exploit"))
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
            "taken_up_uplift": {"treatment_minus_control": difference},
        },
    )
    text = summary(tally)
    assert "600 sent" in text
    assert "50.0 of 100 customers took up, 20.00 EUR each; 20.0 % of 100 said" in text
    assert "+3.1 [+1.0, +5.2]" in text
    assert "too few yet" in text
    assert "input.malformed 2" in text
    assert "\n" not in plain_line(tally)


def test_no_terminal_gives_lines(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a line comes every five seconds."""
    with Screen(tally, plain=False, console=Console(force_terminal=False)) as screen:
        for second in range(11):
            screen.show(100.0 + second)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_what_is_counted_is_counted_by_customer() -> None:
    """A customer counts once, however much was said; twice taken up is once."""
    accepted = Acceptance()
    for number in range(80):
        arm = "committee" if number < 40 else "control"
        accepted.moment(arm, f"c{number}")
        accepted.tell(f"d{number}", Said(arm, f"c{number}", "pot", 20.0))
        if number % (2 if number < 40 else 4) == 0:
            assert accepted.take(f"d{number}")
            assert accepted.take(f"d{number}")
    assert not accepted.take("another")
    gain = accepted.gain()
    assert gain is not None
    (taken, half), (worth, worth_half) = gain
    assert (taken, worth) == pytest.approx((0.25, 5.0))
    assert half == pytest.approx(1.96 * (0.25 / 39 + 0.1875 / 39) ** 0.5, rel=1e-3)
    assert worth_half == pytest.approx(20 * half)


def test_nothing_is_claimed_of_a_few_customers() -> None:
    """An interval needs some customers on both sides."""
    accepted = Acceptance()
    for number in range(100):
        accepted.moment("committee" if number < 90 else "control", f"c{number}")
    assert accepted.gain() is None


def test_the_most_popular_is_what_was_taken_up_most_often() -> None:
    """One taker of one says less than ten of twenty."""
    accepted = Acceptance()
    accepted.moment("control", "c")
    for number in range(21):
        action = "lucky" if number == 20 else "liked"
        accepted.tell(f"d{number}", Said("control", "c", action, 1.0))
        if number % 2 == 0:
            accepted.take(f"d{number}")
    assert accepted.popularity("liked") > accepted.popularity("lucky") > accepted.popularity("new")


def test_spark_of_nothing_is_flat() -> None:
    """No completions at all is a flat line, not a division by zero."""
    assert spark([0.0, 0.0], top=0.0) == "▁▁"


def test_lifts_are_paired() -> None:
    """What choosing adds is counted moment by moment, and only from enough of them."""
    accepted = Acceptance()
    for number in range(40):
        even = 0.05 + number / 1000  # differs from moment to moment, what choosing adds does not
        chance = Choices(even + 0.02, even, even + 0.03, 0.3)
        accepted.judged.append(Judged("committee", chance, Choices(2.0, 1.5, 1.0, 3.0)))
        idle = Choices(0.01, even, even, 0.3)
        accepted.judged.append(Judged("control", idle, idle))
        if number == 20:
            assert accepted.lifts("committee") is None
    for over, added, worth in (("even", 0.02, 0.5), ("greedy", -0.01, 1.0)):
        lifts = accepted.lifts("committee", over=over)
        assert lifts is not None
        assert lifts[0] == pytest.approx((added, 0.0), abs=1e-9)
        assert lifts[1] == pytest.approx((worth, 0.0), abs=1e-9)


def test_curves_are_means_of_equally_many_moments() -> None:
    """Few moments make few points; each point is the mean of its span."""
    accepted = Acceptance()
    for number in range(90):
        row = Choices(number / 100, 0.1, 0.2, 0.9)
        accepted.judged.append(Judged("committee", row, row))
    chances = [chance.chosen for chance, _ in accepted.curves("committee", bins=50)]
    assert chances == pytest.approx([0.145, 0.445, 0.745])


def test_a_chart_draws_a_rising_line() -> None:
    """From the lower left to the upper right, and nowhere else; nothing for no values."""
    lines = [
        line.plain for line in chart({"a": [0, 1, 2]}, styles={"a": "red"}, width=17, height=4)
    ]
    assert lines[0].startswith("  2.00 ")
    assert lines[-1].startswith("     0 ")
    ink = [[column for column, cell in enumerate(line[7:]) if ord(cell) > BLANK] for line in lines]
    assert [min(row) for row in ink] == sorted((min(row) for row in ink), reverse=True)
    assert (ink[-1][0], ink[0][-1]) == (0, 9)
    assert {line[7:].strip() for line in map(str, chart({}, styles={}, width=17, height=4))} == {""}


def test_a_tall_view_draws_the_curves(tally: Tally) -> None:
    """Chance and worth, each with its scale; a small one has lines of bars instead."""
    tall, small = ("\n".join(screen_of(tally, width=120, height=h)) for h in (44, 30))
    assert "true chance a moment, %" in tall
    assert "true worth a moment, EUR" in tall
    assert any(ord(character) > BLANK and ord(character) < BLANK + 256 for character in tall)
    assert "true worth committee" in small
