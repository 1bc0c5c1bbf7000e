"""The names of the topics, as roles. A deployment may put a prefix before each."""

SOURCES_IN: tuple[str, ...] = (
    "transactions",
    "app-events",
    "open-banking",
    "locations",
    "life-events",
    "messages",
    "profiles",
    "consents",
    "feedback",
)
"""What `ingest` reads, each keyed by customer."""
IDENTITIES = "identities"
"""Whose account is whose: acts in one order, on one partition, read whole by every worker of `ingest`."""
CUSTOMER_EVENTS = "customer-events"
OFFERS = "offers"
DECISIONS = "decisions"
INSIGHTS = "insights"
TRANSPARENCY = "transparency"
LESSONS = "lessons"
MODELS = "models"
IMPACT = "impact"
REVIEWS = "reviews"
DEAD_LETTERS = "dead-letters"
CATALOGUE = "catalogue"
VERDICTS = "verdicts"

OUTPUTS: tuple[str, ...] = (
    OFFERS,
    DECISIONS,
    INSIGHTS,
    TRANSPARENCY,
    LESSONS,
    IMPACT,
    REVIEWS,
    DEAD_LETTERS,
)
"""What `decide` writes."""
CONTROL: tuple[str, ...] = (MODELS, CATALOGUE, VERDICTS)
"""Compacted topics that every worker reads whole."""
ALL: tuple[str, ...] = (*SOURCES_IN, IDENTITIES, CUSTOMER_EVENTS, *OUTPUTS, *CONTROL)
