"""Law: a feature of several sources is shown, logged and kept over only where all of them may be used."""

import pytest

from operators.contracts import FeatureSpec
from operators.features import SPECS
from operators.lookup import look_up
from operators.meant import Meant
from operators.record import _seen
from operators.sense import Features
from operators.slots import SLOTS
from schemas.base import Purpose, Source
from tests.laws.test_feature_views import full_life
from tests.moments import NOW_MS, customer

JOINED = [spec for spec in SPECS if spec.also]
CARE = Purpose.FINANCIAL_WELLBEING
every_joined = pytest.mark.parametrize("spec", JOINED, ids=lambda spec: spec.name)


def test_there_are_some() -> None:
    """Money here and elsewhere is such a feature."""
    assert "together.net_worth_eur" in {spec.name for spec in JOINED}


@every_joined
def test_it_is_withheld_where_one_source_is_missing(spec: FeatureSpec) -> None:
    """The answer names the source that is not granted, and computes nothing."""
    for missing in spec.sources:
        me = customer(slots=full_life())
        me.grants[CARE] = {s: g for s, g in me.grants[CARE].items() if s != missing}
        answer = look_up(me, purpose=CARE, now_ms=NOW_MS, names=[spec.name])
        assert not answer.values
        assert str(missing) in answer.withheld[spec.name]
    answer = look_up(customer(slots=full_life()), purpose=CARE, now_ms=NOW_MS, names=[spec.name])
    assert spec.name in answer.values


@every_joined
def test_it_is_not_read_where_no_purpose_may_use_all_of_it(spec: FeatureSpec) -> None:
    """A trigger does not see it when one source serves one purpose and the other another."""
    features = Features(full_life(), now_ms=NOW_MS, failed=[])
    purposes = (CARE, Purpose.DIRECT_MARKETING)
    apart = {p: frozenset({s}) for p, s in zip(purposes, sorted(spec.sources), strict=True)}
    assert spec.name not in Meant(features, purposes, apart.__getitem__)
    assert spec.name in Meant(features, (CARE,), lambda _: spec.sources)
    assert not features.looked_at


@every_joined
def test_a_look_without_a_source_computes_it_anew(spec: FeatureSpec) -> None:
    """What was computed with a source is not taken over by a look that is blind to it."""
    memories = full_life()
    features = Features(memories, now_ms=NOW_MS, failed=[])
    assert features[spec.name] == features[spec.name]
    for without in spec.sources:
        left = {n: m for n, m in memories.items() if SLOTS[n].source is not without}
        blind = features.blind(left, without=frozenset({without}), failed=[])
        assert blind[spec.name] == Features(left, now_ms=NOW_MS, failed=[])[spec.name]


@every_joined
def test_a_decision_logs_it_only_with_all_its_sources(spec: FeatureSpec) -> None:
    """A decision that used one of them alone does not show what the other told."""
    features = Features(full_life(), now_ms=NOW_MS, failed=[])
    value = features[spec.name]
    assert _seen(features, spec.sources) == {spec.name: round(value, 6)}
    for missing in spec.sources:
        assert not _seen(features, frozenset(Source) - {missing})
