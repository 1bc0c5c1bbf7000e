"""What the features mean: in the terminal, and as a page."""

from argparse import Namespace

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from operators.features import FEATURES, SPECS, VIEWS
from scripts.featurestore import page
from scripts.featurestore.reading import SPEC_OF, known


def describe(options: Namespace) -> int:
    """One feature in full, or all of them in a line each."""
    console = Console(highlight=False)
    if options.name is None:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for title, wrapped in (("feature", False), ("source", False), ("what it says", True)):
            table.add_column(title, no_wrap=not wrapped)
        for spec in SPECS:
            said = f"{spec.description} [{spec.unit}]"
            table.add_row(spec.name, spec.source, escape(said))
        console.print(table)
        console.print(
            f"[dim]{len(SPECS)} features of {len(FEATURES)} memories, by {len(VIEWS)} views[/]"
        )
        return 0
    known([options.name])
    console.print(f"[bold]{options.name}[/]  {SPEC_OF[options.name].description}")
    for title, words in page.facts(SPEC_OF[options.name]):
        console.print(f"  [dim]{title:<12}[/] {words}")
    return 0


def catalogue(options: Namespace) -> int:
    """Write the page of all features."""
    options.out.write_text(page.render(), encoding="utf-8")
    print(f"{options.out}: {len(SPECS)} features")
    return 0
