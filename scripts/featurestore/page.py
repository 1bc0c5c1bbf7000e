"""The page of all features: one self-contained file, grouped by source, with a search that needs no server."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields
from hashlib import sha256
from html import escape
from typing import Any

import orjson

from operators.contracts import FeatureSpec
from operators.explain import SOURCE_WORDS
from operators.features import FEATURES, SPECS, VIEWS
from operators.sense import GROUP_OF, VIEW_OF
from operators.slots import SLOTS
from schemas.base import Source

TOLD: frozenset[str] = frozenset({"name", "description", "words", "centre", "scale", "context"})
"""Fields of a spec that have a place of their own; any other is shown under its name."""
STYLE = """
:root { --ink: #1d2733; --soft: #5b6b7c; --line: #dde4ea; --card: #fff; --ground: #f3f6f8; --mark: #0b6e69; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf2; --soft: #9fb0c0; --line: #2c3a47; --card: #17212b; --ground: #0f1720; --mark: #4fc3bb; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 78rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .2rem; }
.soft { color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: .4rem; margin: 1.2rem 0 .6rem; }
nav a, .pill { display: inline-block; border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .65rem;
  color: inherit; text-decoration: none; background: var(--card); font-size: .85rem; white-space: nowrap; }
.pill.seen { border-color: var(--mark); color: var(--mark); }
input { width: 100%; padding: .6rem .9rem; border: 1px solid var(--line); border-radius: .6rem; font: inherit;
  background: var(--card); color: inherit; }
.sheet { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .7rem; margin-top: .6rem; }
table { width: 100%; border-collapse: collapse; min-width: 56rem; }
th { font-weight: 600; font-size: .8rem; color: var(--soft); }
td, th { text-align: left; padding: .5rem .8rem; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
tr:target td { background: color-mix(in srgb, var(--mark) 12%, transparent); }
code { font: .85rem ui-monospace, monospace; color: var(--mark); }
td a { text-decoration: none; }
.no { display: none; }
"""
SCRIPT = """
const box = document.querySelector('input'), told = document.querySelector('#told');
const rows = [...document.querySelectorAll('tbody tr')], parts = [...document.querySelectorAll('section')];
box.addEventListener('input', () => {
  const asked = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const hit = asked.every(word => row.textContent.toLowerCase().includes(word));
    row.classList.toggle('no', !hit); count += hit;
  }
  for (const part of parts) part.classList.toggle('no', !part.querySelector('tbody tr:not(.no)'));
  told.textContent = asked.length ? `${count} of ${rows.length}` : '';
});
"""


def facts(spec: FeatureSpec) -> Iterator[tuple[str, str]]:
    """What there is to say of a feature besides its description, as (title, words)."""
    slots = slots_of(spec)
    yield "to you", spec.words
    for field in fields(spec):
        if field.name not in TOLD:
            yield field.name.replace("_", " "), _plain(getattr(spec, field.name))
    yield "memory", ", ".join(f"{name}, version {SLOTS[name].version}" for name in slots)
    if spec.name in GROUP_OF:
        yield "computed", "event by event, of " + ", ".join(sorted(GROUP_OF[spec.name].kinds))
    else:
        yield "computed", "when it is read, from these memories"
    seen = f"yes, ({spec.unit} - {spec.centre:g}) / {spec.scale:g}" if spec.context else "no"
    yield "in choices", seen


def slots_of(spec: FeatureSpec) -> tuple[str, ...]:
    """The memories that a feature is read from."""
    view = VIEW_OF.get(spec.name)
    return (GROUP_OF[spec.name].slot.name,) if view is None else view.slots


def digest() -> str:
    """SHA-256 of all declarations, hexadecimal: two pages with the same digest tell the same."""
    return sha256(
        orjson.dumps([[spec.name, *map(list, facts(spec))] for spec in SPECS])
    ).hexdigest()


def render() -> str:
    """The page."""
    groups: dict[Source, list[FeatureSpec]] = defaultdict(list)
    for spec in SPECS:
        groups[spec.source].append(spec)
    count = sum(spec.context for spec in SPECS)
    links = "".join(
        f'<a href="#{source}">{escape(_title(source))} {len(found)}</a>'
        for source, found in groups.items()
    )
    body = (
        f"<h1>{len(SPECS)} features of one customer</h1>"
        f"<p class=soft>Of {len(FEATURES)} memories that are kept event by event, and {len(VIEWS)} views that read them "
        f"when somebody asks; {count} of them are seen by the model "
        "that chooses, the others by rules, signals and people. A feature is read only for a purpose of its own "
        f"that its source was agreed to for. Digest {digest()[:16]}.</p><nav>{links}</nav>"
        '<input type="search" placeholder="Search by name, meaning, unit, window …" aria-label="Search">'
        '<p class="soft" id="told"></p>'
        + "".join(_section(s, found) for s, found in groups.items())
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Features</title><style>{STYLE}</style><main>{body}</main><script>{SCRIPT}</script></html>"
    )


def _section(source: Source, specs: Iterable[FeatureSpec]) -> str:
    titles = [f.name for f in fields(FeatureSpec) if f.name not in TOLD | {"source"}]
    head = "".join(
        f"<th>{escape(title.replace('_', ' '))}</th>"
        for title in ("feature", "meaning", *titles, "memory")
    )
    rows = "".join(_row(spec, titles) for spec in specs)
    return (
        f'<section id="{source}"><h2>{escape(_title(source))}</h2>'
        f"<p class=soft>From {escape(SOURCE_WORDS[source])}.</p>"
        f'<div class="sheet"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _row(spec: FeatureSpec, titles: Iterable[str]) -> str:
    seen = ' <span class="pill seen">in choices</span>' if spec.context else ""
    cells = "".join(f"<td>{escape(_plain(getattr(spec, title)))}</td>" for title in titles)
    return (
        f'<tr id="{spec.name}"><td><a href="#{spec.name}"><code>{escape(spec.name)}</code></a>{seen}</td>'
        f"<td>{escape(spec.description)}<br><span class=soft>«{escape(spec.words)}»</span></td>"
        f'{cells}<td class="soft">{escape(", ".join(slots_of(spec)))}</td></tr>'
    )


def _title(source: Source) -> str:
    return source.replace("_", " ").capitalize()


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return str(value).replace("_", " ") if value.islower() else str(value)
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(sorted(_plain(one) for one in value))
    return "as things stand" if value is None else f"{value}"
