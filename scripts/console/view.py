"""The live view of a tally, for a terminal from 100 × 30 up."""

from rich import box
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.console import words
from scripts.console.tally import Tally

HEADER_LINES = 4
FIGURES_LINES = 9
INSIGHT_LINES = 5
INSIGHT_LINES_TALL = 9
TALL = 40
WIDE = 130
STYLE_OF_ARM = {"committee": "cyan", "control": "yellow", "holdout": "magenta"}


def render(tally: Tally, *, width: int, height: int) -> RenderableType:
    """The whole screen, to fit ``width`` × ``height`` characters."""
    insights = INSIGHT_LINES_TALL if height >= TALL else INSIGHT_LINES
    layout = Layout()
    layout.split_column(
        Layout(_header(tally), size=HEADER_LINES),
        Layout(name="figures", size=FIGURES_LINES),
        Layout(name="offers"),
        Layout(_insights(tally, lines=insights - 2), size=insights),
    )
    left = 46 if width >= WIDE else 40
    layout["figures"].split_row(
        Layout(_counts(tally), size=left), Layout(_learning(tally, width=width - left))
    )
    rows = height - HEADER_LINES - FIGURES_LINES - insights - 4
    layout["offers"].update(_offers(tally, rows=max(rows, 1), width=width))
    return layout


def _header(tally: Tally) -> RenderableType:
    header = tally.header
    first = Text.assemble(
        ("market of one", "bold"),
        f"   {header.broker}   {header.world}, {header.customers:,} customers, seed {header.seed}",
    )
    second = Text.assemble(
        (words.date_of(tally.now_ms), "bold green"),
        f"   {tally.speed():,.0f} × real time   models: {words.model(tally)}",
    )
    return Panel(Group(first, second), box=box.ROUNDED, padding=(0, 1))


def _counts(tally: Tally) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", no_wrap=True, min_width=12)
    table.add_column(no_wrap=True, overflow="ellipsis")
    events, decisions = tally.events, tally.decisions
    table.add_row("events in", f"{events.total:,}  {events.per_s(tally.wall_ms):.0f}/s")
    table.add_row("decisions", f"{decisions.total:,}  {decisions.per_s(tally.wall_ms):.0f}/s")
    table.add_row("said", f"{tally.offers:,} offers, {tally.interventions:,} help")
    table.add_row("silences", f"{tally.silences:,}")
    table.add_row(
        "latency", f"p50 {words.ms(tally.latency(0.5))}  p99 {words.ms(tally.latency(0.99))}"
    )
    dead = sum(tally.dead.values())
    table.add_row("dead letters", f"{dead:,}  {words.counts(tally.dead, limit=1) if dead else ''}")
    withheld = sum(tally.withheld.values())
    table.add_row("no consent", f"{withheld:,} withheld")
    return Panel(table, title="stream", title_align="left", box=box.ROUNDED)


def _learning(tally: Tally, *, width: int) -> RenderableType:
    bins = max(8, min(width - 48, 40))
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for arm, line, figures in words.acceptance_lines(tally, bins=bins):
        table.add_row(Text(arm, STYLE_OF_ARM[arm]), Text(line, STYLE_OF_ARM[arm]), figures)
    truth = [Text(f"true {line}", "dim") for line in words.truth_lines(tally)]
    uplift = [Text(line, no_wrap=True, overflow="ellipsis") for line in words.uplift_lines(tally)]
    return Panel(
        Group(table, *truth, *uplift),
        title="taken up, over time",
        title_align="left",
        box=box.ROUNDED,
    )


def _offers(tally: Tally, *, rows: int, width: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, expand=True, padding=(0, 1), pad_edge=False)
    table.add_column("customer", no_wrap=True, width=8)
    table.add_column("said", no_wrap=True, overflow="ellipsis", ratio=4)
    table.add_column("why", no_wrap=True, overflow="ellipsis", ratio=6 if width >= WIDE else 5)
    table.add_column("p", justify="right", no_wrap=True, width=5)
    table.add_column("arm", no_wrap=True, width=9)
    for shown in list(tally.latest)[:rows]:
        style = "bold" if shown.kind == "intervention" else ""
        table.add_row(
            shown.customer,
            Text(shown.title, style),
            shown.reason.splitlines()[0] if shown.reason else "",
            f"{shown.propensity:.2f}",
            Text(shown.arm, STYLE_OF_ARM.get(shown.arm, "")),
        )
    return table


def _insights(tally: Tally, *, lines: int) -> RenderableType:
    rows = [
        Text.assemble((f"{customer}  ", "dim"), said, overflow="ellipsis", no_wrap=True)
        for customer, said in list(tally.insights)[:lines]
    ]
    title = f"newest insights ({tally.insight_count:,})"
    return Panel(Group(*rows), title=title, title_align="left", box=box.ROUNDED)
