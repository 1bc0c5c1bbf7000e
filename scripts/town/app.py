"""Use of the app: sessions of screens, searches, features; now and then a spell in which it annoys."""

from schemas.base import DAY_MS, HOUR_MS
from scripts.town import needs
from scripts.town.resident import Resident
from scripts.town.stage import Stage

SCREENS = (
    "home",
    "accounts",
    "transactions",
    "payments",
    "cards",
    "savings",
    "insights",
    "profile",
)
FLOWS = ("personal_loan", "travel_insurance", "savings_account", "payment", "card_order")
HOURS = (7, 8, 12, 13, 18, 19, 20, 21, 22)
SEARCH_SHARE = 0.25
PRESSING = 0.5
"""The need from which it is on one's mind."""


def plan_day(stage: Stage, who: Resident, day_ms: int) -> None:
    """Plan the day's sessions; worry and plans make people look more often."""
    rng = who.rng
    if "left" in who.life:
        return
    rate = who.persona.sessions_day * (1.0 + 0.6 * who.stress + (0.4 if who.trip else 0.0))
    rate *= 0.5 + who.satisfaction
    sessions = int(rate) + (rng.random() < rate % 1)
    for _ in range(sessions):
        hour = rng.choice(HOURS) + rng.random()
        stage.plan(day_ms + round(hour * HOUR_MS), who, session, None)


def session(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """Open the app and look around."""
    rng = who.rng
    stage.tell(who, "app.opened")
    at_ms = now_ms
    for _screen in range(rng.choice((1, 1, 2, 3))):
        at_ms += round(rng.uniform(4, 40) * 1_000)
        stage.plan(at_ms, who, look, rng.choice(SCREENS))
    topic = rng.choice(_topics(who, now_ms)) if who.chance(SEARCH_SHARE) else ""
    if topic:
        stage.plan(at_ms + 8_000, who, search, topic)
    if who.features and who.chance(0.2):
        stage.plan(at_ms + 20_000, who, use, rng.choice(sorted(who.features)))
    if who.friction_until_ms > now_ms and who.chance(0.6):
        stage.plan(at_ms + 25_000, who, stumble, rng.choice(("payments", "cards", "profile")))
    elif who.chance(0.015):
        stage.plan(at_ms + 25_000, who, give_up, rng.choice(FLOWS))


def _topics(who: Resident, now_ms: int) -> tuple[str, ...]:
    """What somebody may search for; mostly what they need."""
    if needs.trip(who, now_ms) > PRESSING:
        return ("travel", "travel", "travel_insurance", "")
    if who.strained:
        return ("fees", "overdraft", "")
    if needs.idle(who, now_ms) > PRESSING:
        return ("savings", "funds", "savings", "")
    if "house_purchase" in who.life:
        return ("mortgage", "", "")
    return ("statement", "iban", "card_limit", "branch", *("",) * 16)


def look(stage: Stage, who: Resident, now_ms: int, screen: str) -> None:
    """View a screen."""
    del now_ms
    stage.tell(who, "app.screen_viewed", screen=screen)


def search(stage: Stage, who: Resident, now_ms: int, topic: str) -> None:
    """Search for a topic."""
    del now_ms
    stage.tell(who, "app.searched", topic=topic)


def use(stage: Stage, who: Resident, now_ms: int, feature: str) -> None:
    """Use a feature."""
    del now_ms
    stage.tell(who, "app.feature_used", feature=feature)


def stumble(stage: Stage, who: Resident, now_ms: int, screen: str) -> None:
    """An error, then taps in anger, then often giving up."""
    stage.tell(
        who, "app.error_shown", screen=screen, code=f"E{who.rng.choice((401, 409, 500, 503))}"
    )
    if who.chance(0.6):
        stage.plan(now_ms + 3_000, who, rage, screen)
    if who.chance(0.4):
        stage.plan(now_ms + 15_000, who, give_up, "payment")
    who.pleased(-0.01)


def rage(stage: Stage, who: Resident, now_ms: int, screen: str) -> None:
    """Tap again and again."""
    del now_ms
    stage.tell(who, "app.rage_tapped", screen=screen)


def give_up(stage: Stage, who: Resident, now_ms: int, flow: str) -> None:
    """Leave a flow half-way."""
    del now_ms
    stage.tell(who, "app.flow_abandoned", flow=flow)


def sour(who: Resident, now_ms: int) -> None:
    """A bad release reaches this phone: some days of trouble."""
    who.friction_until_ms = now_ms + round(who.rng.uniform(2, 6) * DAY_MS)
