"""The figures of a tally in words and short lines, shared by the live view, plain lines and the summary."""

from datetime import UTC, datetime
from typing import Any

from scripts.console.acceptance import ARMS, spark, wilson
from scripts.console.tally import Tally

NO_FIGURE = "–"
LATELY = 300
"""How many of the committee's last moments count as lately."""
SAID_PER_BIN = 15
"""The smaller arm decides how finely time is cut."""


def date_of(at_ms: int) -> str:
    """A simulated day."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a %d %b %Y %H:%M")


def ms(value: float | None) -> str:
    """Milliseconds."""
    return NO_FIGURE if value is None else f"{value:.0f} ms"


def share(value: float | None) -> str:
    """A share as per cent."""
    return NO_FIGURE if value is None else f"{100 * value:.1f} %"


def counts(counter: dict[str, int], *, limit: int = 4) -> str:
    """The largest counts by name."""
    largest = sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
    more = len(counter) - len(largest)
    text = ", ".join(f"{name} {count:,}" for name, count in largest)
    return (text + (f" and {more} more" if more else "")) or "none"


def model(tally: Tally) -> str:
    """The versions in use."""
    if not tally.models:
        return "none yet: fixed order serves"
    parts = []
    for name, (version, lessons) in sorted(tally.models.items()):
        parts.append(f"{name} v{version}" + (f" ({lessons:,} lessons)" if lessons else ""))
    return ", ".join(parts)


def acceptance_lines(tally: Tally, *, bins: int) -> list[tuple[str, str, str]]:
    """For each arm: its name, its sparkline, its figures."""
    accepted = tally.acceptance
    fewest = min(accepted.count(arm)[1] for arm in ARMS)
    bins = max(1, min(bins, max(4, fewest // SAID_PER_BIN)))
    series = {arm: accepted.series(arm, bins=bins) for arm in ARMS}
    top = max((s for row in series.values() for s in row if s is not None), default=0.0)
    lines = []
    for arm in ARMS:
        completed, said = accepted.count(arm)
        if said and not tally.header.answering:
            figures = f"{said:,} said; a replay can't answer"
        elif said:
            low, high = wilson(completed, said)
            figures = (
                f"{100 * completed / said:4.1f} % of {said:,}  [{100 * low:.1f}–{100 * high:.1f}]"
            )
        else:
            figures = "nothing said yet"
        lines.append((arm, spark(series[arm], top=top), figures))
    return lines


def truth_lines(tally: Tally) -> list[str]:
    """What is true and no learner sees, at the committee's last moments, beside what else was allowed then."""
    accepted = tally.acceptance
    chances = accepted.chances(ARMS[0], last=LATELY)
    worths = accepted.worths(ARMS[0], last=LATELY)
    if chances is None or worths is None:
        return [NO_FIGURE]
    said, even, best = map(share, chances)
    lines = [
        f"chance {said}; even draw {even}, best allowed {best}",
        f"worth {worths[0]:.2f} EUR; even draw {worths[1]:.2f}, best allowed {worths[2]:.2f}",
    ]
    lifts = accepted.lifts(ARMS[0])
    if lifts is not None:
        (chance, chance_half), (worth, worth_half) = lifts
        lines.append(
            f"whole run, over an even draw at the same moments: chance {100 * chance:+.1f} ±"
            f" {100 * chance_half:.1f} points, worth {worth:+.2f} ± {worth_half:.2f} EUR"
        )
    return lines


def uplift_lines(tally: Tally) -> list[str]:
    """What `measure` reports: differences with their confidence sequences."""
    report = tally.uplift
    if report is None:
        return ["nothing measured yet"]
    value = report.get("value_uplift_eur", {})
    matured = report.get("matured", {})
    worth = _difference(value.get("treatment_minus_holdout"), scale=1.0, unit=" EUR")
    seen = f"{matured.get('treatment', 0)} and {matured.get('holdout', 0)} customers"
    acceptance = report.get("acceptance_uplift", {}).get("treatment_minus_control")
    return [
        "taken up − control: " + _difference(acceptance, scale=100.0, unit=" points"),
        f"value − holdout, {report.get('horizon_days')} days: {worth} ({seen})",
    ]


def _difference(found: dict[str, Any] | None, *, scale: float, unit: str) -> str:
    if not found or found.get("estimate") is None:
        return "too few yet"
    estimate, low, high = (scale * float(found[key]) for key in ("estimate", "low", "high"))
    sure = "" if found.get("decided") else ", open"
    return f"{estimate:+.1f}{unit} [{low:+.1f}, {high:+.1f}{sure}]"


def plain_line(tally: Tally) -> str:
    """One line for a log: where a terminal is missing."""
    said = tally.offers + tally.interventions
    arms = "; ".join(f"{name} {figures}" for name, _, figures in acceptance_lines(tally, bins=1))
    return (
        f"{date_of(tally.now_ms)} | {tally.events.total:,} events"
        f" ({tally.events.per_s(tally.wall_ms):.0f}/s), {tally.decisions.total:,} decisions,"
        f" {said:,} said, {tally.silences:,} silences | p50 {ms(tally.latency(0.5))}"
        f" p99 {ms(tally.latency(0.99))} | {arms} | dead letters {sum(tally.dead.values())}"
        f" | {model(tally)}"
    )


def summary(tally: Tally) -> str:
    """The closing words: only figures of this run."""
    header = tally.header
    real_s = (tally.wall_ms - tally.began_wall_ms) / 1000
    said = f"{tally.offers:,} offers, {tally.interventions:,} interventions"
    simulated_days = (tally.now_ms - tally.began_ms) / 86_400_000
    rows = [
        ("ran", f"{real_s:.0f} s on {header.broker}, {simulated_days:.1f} simulated days"),
        ("world", f"{header.world}, {header.customers:,} customers, seed {header.seed}"),
        ("events", f"{tally.events.total:,} sent ({tally.events.total / max(real_s, 1):.0f}/s)"),
        (
            "decisions",
            f"{tally.decisions.total:,}: {said}, {tally.silences:,} silences",
        ),
        (
            "latency",
            f"p50 {ms(tally.latency(0.5))}, p99 {ms(tally.latency(0.99))}, event to decision",
        ),
    ]
    for name, _, figures in acceptance_lines(tally, bins=1):
        rows.append((f"taken up, {name}", figures))
    rows += [("truth at the end", line) for line in truth_lines(tally)]
    rows += [("uplift", line) for line in uplift_lines(tally)]
    rows += [
        ("dead letters", f"{sum(tally.dead.values()):,}: {counts(tally.dead)}"),
        (
            "withheld",
            f"{sum(tally.withheld.values()):,} events without consent: {counts(tally.withheld)}",
        ),
        ("insights", f"{tally.insight_count:,}"),
        ("models", model(tally)),
    ]
    if tally.degraded:
        rows.append(("degraded", counts(tally.degraded)))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)
