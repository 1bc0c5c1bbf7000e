"""A simulated town's decisions judged like recorded ones, and beside each estimate what is true in the town.

The town is that of `scripts/evaluate town`; neither the learners nor the estimators see its truth.
"""

import argparse
from typing import Any

from flows.learn import Learner
from operators.arbitrate import CONTEXT_NAMES
from operators.offers import ACTION_NAMES
from schemas import topics
from scripts.demo_app.world import TownWorld
from scripts.evaluation.offpolicy.moments import recording_of
from scripts.evaluation.offpolicy.recorded import judge
from scripts.evaluation.town import UNREAD, Listening, world_with_control


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Let a town live for so many events, and judge the candidates by its log.

    Raises:
        ValueError: Too few events for a decision of the committee, or a reward whose truth nobody knows.
    """
    town = TownWorld(options.town, options.customers)
    world = world_with_control()
    learner = Learner(CONTEXT_NAMES, ACTION_NAMES, actions=[item.id for item in world.catalogue])
    heard: list[tuple[str, dict[str, Any]]] = []
    decisions: list[dict[str, Any]] = []
    impact: list[dict[str, Any]] = []
    chances: dict[str, dict[str, float]] = {}
    driver: Listening | None = None
    for _, record in zip(range(options.events), town.events(), strict=False):
        if driver is None:
            driver = Listening(heard=heard, world=world, learner=learner.hear, now_ms=record.at_ms)
        if record.topic == UNREAD:
            continue
        driver.advance_to(max(record.at_ms, driver.now_ms))
        driver.send(record.topic, record.value(), key=record.key)
        for topic, body in heard:
            if topic == topics.DECISIONS:
                decisions.append(body)
                chances[body["decision_id"]] = town.chances(body)
            elif topic == topics.OFFERS:
                town.hear(body)
            else:
                impact.append(body)
        heard.clear()
    lessons = [] if driver is None else driver.read(topics.LESSONS)
    recording = recording_of(decisions, impact, lessons, settle_days=options.settle_days)
    return judge(recording, options, chances=chances) | {"data": f"town {options.town}"}
