"""The live view of a tally, for a terminal from 100 × 30 up."""

from rich import box
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.console import words
from scripts.console.acceptance import ARMS
from scripts.console.chart import chart
from scripts.console.tally import Tally

HEADER_LINES = 4
FIGURES_LINES = 10
CHART_LINES = 11
INSIGHT_LINES = 5
INSIGHT_LINES_TALL = 9
TALL = 40
WIDE = 130
STYLE_OF_ARM = {"committee": "cyan", "control": "yellow", "holdout": "magenta"}
STYLE_OF_CURVE = {"committee": "cyan", "random": "yellow", "greedy": "green"}


def render(tally: Tally, *, width: int, height: int) -> RenderableType:
    """The whole screen, to fit ``width`` × ``height`` characters."""
    insights = INSIGHT_LINES_TALL if height >= TALL else INSIGHT_LINES
    charts = CHART_LINES if height >= TALL and tally.header.answering else 0
    parts = [
        Layout(_header(tally), size=HEADER_LINES),
        Layout(name="figures", size=FIGURES_LINES),
        Layout(name="offers"),
        Layout(_insights(tally, lines=insights - 2), size=insights),
    ]
    if charts:
        parts.insert(2, Layout(_curves(tally, width=width), size=charts))
    layout = Layout()
    layout.split_column(*parts)
    left = 46 if width >= WIDE else 40
    layout["figures"].split_row(
        Layout(_counts(tally), size=left), Layout(_learning(tally, spark=not charts))
    )
    rows = height - HEADER_LINES - FIGURES_LINES - charts - insights - 4
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


def _learning(tally: Tally, *, spark: bool) -> RenderableType:
    lines = [
        Text.assemble((f"{words.NAMES[arm]:<10}", STYLE_OF_ARM[arm]), figures)
        for arm, figures in words.acceptance_lines(tally)
    ]
    if tally.header.answering:
        lines.append(Text(f"{'more':<10}{words.gain_line(tally)}", "bold"))
    if spark:
        lines += [
            Text(f"true {name:<16} {bars}", STYLE_OF_CURVE[name.removeprefix("worth ")])
            for name, bars in words.curve_lines(tally, bins=30)
            if name.startswith("worth ")
        ]
    lines += [Text(f"true {line}", "dim") for line in words.truth_lines(tally)]
    lines += [Text(line) for line in words.uplift_lines(tally)]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(Group(*lines), title="taken up, by customer", title_align="left", box=box.ROUNDED)


def _curves(tally: Tally, *, width: int) -> RenderableType:
    """Chance and worth at the committee's moments, side by side, as they come."""
    half = (width - 6) // 2
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=half)
    grid.add_column(width=half)
    titles, pictures = [], []
    for unit, by_name in words.curves(tally, bins=half).items():
        title = Text(f"true {unit} a moment, {'%' if unit == 'chance' else 'EUR'}: ", "dim")
        for name in reversed(by_name):
            title.append(f"{name} ", STYLE_OF_CURVE[name])
        titles.append(title)
        pictures.append(
            Group(*chart(by_name, styles=STYLE_OF_CURVE, width=half, height=CHART_LINES - 3))
        )
    grid.add_row(*titles)
    grid.add_row(*pictures)
    moments = sum(1 for judged in tally.acceptance.judged if judged.arm == ARMS[0])
    return Panel(
        grid,
        title=f"what choosing adds, over {moments:,} moments",
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
    if tally.foretold is not None:
        rows = [Text(words.foreseen(tally), overflow="ellipsis", no_wrap=True), *rows[: lines - 1]]
    title = f"newest insights ({tally.insight_count:,})"
    return Panel(Group(*rows), title=title, title_align="left", box=box.ROUNDED)
