"""Laws of the feature store: what is worked out from the log is what was known, whatever came later."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.driver import Driver
from flows.intake import shard_decode
from flows.records import Record
from flows.settings import Limits
from flows.zones import Zones
from operators.consent import usable
from operators.lookup import look_up
from operators.sense import SOURCES_OF
from schemas import topics
from schemas.base import Purpose, Source
from schemas.events import EventBase
from scripts.featurestore.reading import wind
from scripts.featurestore.recall import Recall, Watch, logged
from scripts.featurestore.reconcile import Comparison
from scripts.featurestore.training import Rows, training_table
from tests.strategies import CUSTOMER, lives
from tests.streams import small_world

LOGGED = (topics.DECISIONS, topics.LESSONS, topics.CUSTOMER_EVENTS)
LIVES = settings(max_examples=40)


def lived(life: Sequence[EventBase]) -> list[Record]:
    """What a deployment logs of a life, decisions and lessons first."""
    driver = Driver(small_world())
    for event in life:
        driver.advance_to(max(driver.now_ms, event.at_ms))
        driver.put(event)
    return [record for role in LOGGED for record in driver.records(role)]


def recalled(records: Sequence[Record], watch: Watch | None = None) -> Recall:
    recall = Recall(small_world(), decode=shard_decode(Limits(), Zones(())), watch=watch)
    for record in records:
        if record.topic == topics.DECISIONS:
            recall.expect(logged(record.value or b""))
        elif record.topic == topics.CUSTOMER_EVENTS:
            recall.take(record)
    return recall


@LIVES
@given(lives(consented=True))
def test_decisions_were_made_with_what_the_events_say(life: list[EventBase]) -> None:
    """Any life, its consents changing all along: no logged feature differs from the recomputed one."""
    comparison = Comparison()
    recall = recalled(lived(life), comparison)
    assert comparison.report.mismatched == comparison.report.tampered == recall.unmet == 0


@LIVES
@given(lives(consented=True), st.data())
def test_the_past_does_not_change(life: list[EventBase], data: st.DataObject) -> None:
    """As of any instant the whole log tells what the deployment held then, whatever came later."""
    at_ms = data.draw(st.sampled_from(sorted({event.at_ms for event in life})))
    driver = Driver(small_world())
    before = [event for event in life if event.at_ms <= at_ms]
    for event in before:
        driver.advance_to(max(driver.now_ms, event.at_ms))
        driver.put(event)
    then = driver.customer(CUSTOMER)
    recall = recalled([])
    wind(recall, lived(life), customer=CUSTOMER, at_ms=at_ms)
    again = recall.customer(CUSTOMER)
    assert then is not None
    assert again is not None
    for purpose in Purpose:
        assert look_up(then, purpose=purpose, now_ms=at_ms) == look_up(
            again, purpose=purpose, now_ms=at_ms
        )


@LIVES
@given(lives(consented=True), st.data())
def test_training_rows_hold_nothing_of_the_future(
    life: list[EventBase], data: st.DataObject
) -> None:
    """A row of a shorter log is the same row in a longer one, but for what later consent takes away or gives back."""
    cut = data.draw(st.integers(1, len(life)))
    (short, may), (long, _) = (table(life[:cut]), table(life))
    for name, row in short.items():
        later = long.get(name)
        for feature, value in row.items():
            # Nothing is missing but what may not be trained on: that alone may come back.
            assert (value is None) == (not SOURCES_OF[feature] <= may)
            assert later is None or value is None or later[feature] in (value, None)


def table(
    life: Sequence[EventBase],
) -> tuple[dict[str, dict[str, float | None]], frozenset[Source]]:
    """Decision → the values of its features in the export; and what may be trained on at its end."""
    rows = Rows(["cash.net_30d_eur", "spend.card_count_30d", "app.opens_30d", "profile.age"])
    recall = Recall(small_world(), decode=shard_decode(Limits(), Zones(())), watch=rows)
    made, newest_ms = training_table(lived(life), recall, rows)
    me = recall.customer(CUSTOMER)
    may = frozenset() if me is None else usable(me, Purpose.MODEL_TRAINING, now_ms=newest_ms)
    return {row["decision_id"]: {n: row[n] for n in rows.names} for row in made.to_pylist()}, may
