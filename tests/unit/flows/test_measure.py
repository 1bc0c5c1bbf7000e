import orjson
import pytest

from flows.measure import Meter
from schemas import topics
from schemas.decisions import SILENCE

SPOT = (topics.IMPACT, 0)
DECISION = orjson.dumps(
    {
        "type": "decision",
        "customer": "c-1",
        "arm": "treatment",
        "action": SILENCE,
        "decision_id": "d-1",
        "at_ms": 5,
        "propensity": 1.0,
    }
)


def test_a_report_tells_what_was_taken() -> None:
    """One decision, one silence, one report."""
    meter = Meter(report_ms=100)
    assert meter.take(DECISION, spot=SPOT, offset=0) is None
    (said,) = meter.publish(1_000)
    assert (said.topic, said.kind) == (topics.IMPACT, "impact.uplift")
    report = orjson.loads(said.value)
    assert report["silences"]["treatment"] == 1
    assert report["type"] == "uplift"


def test_reports_are_rare_and_only_of_news() -> None:
    """Nothing new, or too soon: nothing is said. Its own reports are not news."""
    meter = Meter(report_ms=100)
    assert meter.publish(1_000) == []
    meter.take(DECISION, spot=SPOT, offset=0)
    (said,) = meter.publish(1_000)
    meter.take(said.value, spot=SPOT, offset=1)
    assert meter.publish(2_000) == []
    meter.take(DECISION.replace(b"d-1", b"d-2"), spot=SPOT, offset=2)
    assert meter.publish(1_099) == []
    assert len(meter.publish(1_100)) == 1


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"[]",
        b'{"type":"decision"}',
        b'{"type":"value","at_ms":"soon"}',
        DECISION.replace(b'"at_ms":5', b'"at_ms":null'),
    ],
)
def test_what_is_not_an_impact_record_is_left_out(value: bytes) -> None:
    """A bad record is named, and the report goes on without it."""
    meter = Meter()
    error = meter.take(value, spot=SPOT, offset=0)
    assert error is not None
    assert error.code.startswith("input.")
    assert meter.publish(10_000) == []
