"""The figures of a tally in words and short lines, shared by the live view, plain lines and the summary."""

from datetime import UTC, datetime
from typing import Any

from scripts.console.acceptance import ARMS, spark
from scripts.console.tally import Tally

NO_FIGURE = "–"
LATELY = 300
"""How many of the committee's last moments count as lately."""
NAMES: dict[str, str] = {"committee": "committee", "control": "random"}
"""What the arms are called on the screen."""


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


def foreseen(tally: Tally) -> str:
    """The customer line of the newest warning: the forecast as bars, and what followed."""
    told = tally.foretold
    if told is None:
        return "no shortfall yet"
    # What followed stands before the list of payments, which a narrow terminal cuts.
    drawn, mark, expected = told.drawn.partition("; expected:")
    answer = f"; then «{told.answer}»" if told.answer else ""
    return f"{told.customer}  {drawn}{answer}{mark}{expected}"


def acceptance_lines(tally: Tally) -> list[tuple[str, str]]:
    """For each arm: its name, and what was counted."""
    lines = []
    for arm in ARMS:
        count = tally.acceptance.count(arm)
        if count.said and not tally.header.answering:
            figures = f"{count.said:,} said; a replay can't answer"
        elif count.said:
            figures = (
                f"{100 * count.taken / count.customers:.1f} of 100 customers took up,"
                f" {count.worth_eur / count.customers:.2f} EUR each;"
                f" {100 * count.taken / count.said:.1f} % of {count.said:,} said"
            )
        else:
            figures = "nothing said yet"
        lines.append((arm, figures))
    return lines


def gain_line(tally: Tally) -> str:
    """Committee minus random, counted per customer, with 95 % intervals."""
    gain = tally.acceptance.gain()
    if gain is None:
        return "too few customers yet"
    (taken, taken_half), (worth, worth_half) = gain
    return (
        f"{100 * taken:+.1f} ± {100 * taken_half:.1f} of 100 customers,"
        f" {worth:+.2f} ± {worth_half:.2f} EUR each"
    )


def curve_lines(tally: Tally, *, bins: int) -> list[tuple[str, str]]:
    """What was chosen and what was not, over time, as lines of bars on one scale."""
    rows = curves(tally, bins=bins)
    lines = []
    for unit, by_name in rows.items():
        top = max((max(values) for values in by_name.values() if values), default=0.0)
        lines += [(f"{unit} {name}", spark(values, top=top)) for name, values in by_name.items()]
    return lines


def curves(tally: Tally, *, bins: int) -> dict[str, dict[str, list[float]]]:
    """By ``chance`` (per cent) and ``worth`` (EUR): random, greedy and chosen, over the committee's moments."""
    rows = tally.acceptance.curves(ARMS[0], bins=bins)
    chances, worths = [chance for chance, _ in rows], [worth for _, worth in rows]
    return {
        unit: {
            "random": [scale * row.even for row in means],
            "greedy": [scale * row.greedy for row in means],
            "committee": [scale * row.chosen for row in means],
        }
        for unit, means, scale in (("chance", chances, 100.0), ("worth", worths, 1.0))
    }


def truth_lines(tally: Tally) -> list[str]:
    """What is true and no learner sees, at the committee's last moments, beside what else was allowed then."""
    accepted = tally.acceptance
    lately = accepted.lately(ARMS[0], last=LATELY)
    if lately is None:
        return [NO_FIGURE]
    chance, worth = lately
    lines = [
        (
            f"chance {share(chance.chosen)}; random {share(chance.even)},"
            f" greedy {share(chance.greedy)}, best allowed {share(chance.best)}"
        ),
        (
            f"worth {worth.chosen:.2f} EUR; random {worth.even:.2f}, greedy {worth.greedy:.2f},"
            f" best allowed {worth.best:.2f}"
        ),
    ]
    for over in ("even", "greedy"):
        lifts = accepted.lifts(ARMS[0], over=over)
        if lifts is not None:
            (chances, chance_half), (worths, worth_half) = lifts
            lines.append(
                f"whole run, over {'random' if over == 'even' else over} at the same moments: chance"
                f" {100 * chances:+.1f} ± {100 * chance_half:.1f} points,"
                f" worth {worths:+.2f} ± {worth_half:.2f} EUR"
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
    taken = report.get("taken_up_uplift", {}).get("treatment_minus_control")
    return [
        "taken up − random, of 100 customers, at any time: "
        + _difference(taken, scale=100.0, unit=""),
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
    arms = "; ".join(f"{NAMES[arm]} {figures}" for arm, figures in acceptance_lines(tally))
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
    rows += [(f"counted, {NAMES[arm]}", figures) for arm, figures in acceptance_lines(tally)]
    if tally.header.answering:
        rows.append(("committee − random", gain_line(tally)))
    rows += [(name, line) for name, line in curve_lines(tally, bins=40)]
    rows += [("truth at the end", line) for line in truth_lines(tally)]
    rows += [("uplift", line) for line in uplift_lines(tally)]
    rows += [
        ("dead letters", f"{sum(tally.dead.values()):,}: {counts(tally.dead)}"),
        (
            "withheld",
            f"{sum(tally.withheld.values()):,} events without consent: {counts(tally.withheld)}",
        ),
        ("insights", f"{tally.insight_count:,}"),
        ("foreseen", foreseen(tally)),
        ("models", model(tally)),
    ]
    if tally.degraded:
        rows.append(("degraded", counts(tally.degraded)))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)
