import orjson
import pytest

from scripts.evaluation.town import live, main


def test_a_small_town_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """A run ends in one JSON object, and the same seed in the same figures."""
    arguments = ["--seeds", "unit", "--customers", "60", "--events", "3000", "--json"]
    assert main(arguments) == 0
    result = orjson.loads(capsys.readouterr().out.splitlines()[-1].replace("NaN", "null"))
    (run,) = result["runs"]
    assert 0 < run["worth"]["even"] < run["worth"]["best"]
    assert run["chance"]["chosen"] <= run["chance"]["best"]
    assert run["harm"].keys() == {"committee", "control"}
    again = live("unit", customers=60, events=3_000)
    assert again.worth == run["worth"]
    assert again.taken_committee == run["taken_committee"]


def test_too_few_events_are_told() -> None:
    """Where nothing could be said there is nothing to compare."""
    with pytest.raises(SystemExit, match="give more with --events"):
        live("unit", customers=3, events=5)
