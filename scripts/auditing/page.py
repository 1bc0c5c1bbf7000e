"""The page «How AI used your information»: one self-contained file for one customer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from operators.explain import PURPOSE_WORDS, SOURCE_WORDS
from schemas.base import Purpose, Source
from scripts.console.ahead import payment, remedies, svg

SHOWN_MAX = 60
STYLE = """
:root { --ink: #1d2733; --soft: #5b6b7c; --line: #dde4ea; --card: #fff; --ground: #f3f6f8; --mark: #0b6e69; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf2; --soft: #9fb0c0; --line: #2c3a47; --card: #17212b; --ground: #0f1720; --mark: #4fc3bb; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .8rem; }
.soft { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin-top: 1.4rem; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1rem 1.2rem; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2; }
.card { margin: 0 0 .8rem; }
.card h3 { margin: 0 0 .3rem; font-size: 1.05rem; }
.card p { margin: .3rem 0; }
.bar { display: grid; grid-template-columns: 14rem 1fr 3rem; gap: .8rem; align-items: center; margin: .35rem 0; }
.bar i { display: block; height: .7rem; border-radius: .35rem; background: var(--mark); min-width: 2px; }
.pill { display: inline-block; border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .65rem; margin: .15rem .25rem .15rem 0; font-size: .85rem; }
.said { border-left: .3rem solid var(--mark); }
details summary { cursor: pointer; color: var(--mark); }
table { width: 100%; border-collapse: collapse; }
td ul { margin: .2rem 0 0; padding-left: 1.1rem; }
td:first-child { white-space: nowrap; }
td, th { text-align: left; padding: .45rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
@media (max-width: 36rem) { .bar { grid-template-columns: 1fr 3rem; } .bar span { grid-column: 1 / -1; } }
"""


def render(file: Mapping[str, Any]) -> str:
    """The page of a dossier; every text in it is escaped."""
    decisions = list(file["decisions"])
    said = [d for d in decisions if d["effect"] != "silence"]
    times = [_day(d["at"]) for d in decisions]
    span = f"{times[0]} to {times[-1]}" if times else "no decision yet"
    used = Counter(source for d in decisions for source in d["sources"])
    parts = [
        (
            f"<h1>How AI used your information</h1><p class=soft>{escape(span)}. "
            "Every automated decision about what to say to you is on this page, silence included.</p>"
        ),
        '<div class="tiles">'
        + _tile(len(decisions), "decisions")
        + _tile(len(said), "times we said something")
        + _tile(len(decisions) - len(said), "times we chose to say nothing")
        + _tile(len(file["receipts"]), "changes to what you agreed to")
        + "</div>",
        "<h2>What was looked at</h2>",
        _bars(used, total=len(decisions)),
        "<h2>What you said about your data</h2>",
        _receipts(file["receipts"]),
        *(_forgotten(file["forgotten"]) if file["forgotten"] else ()),
        *(_foretold(file["foretold"][-1]) if file.get("foretold") else ()),
        "<h2>What we did with it</h2>",
        "".join(map(_decision, _gathered(decisions[-SHOWN_MAX:]))),
        f'<p class="soft">{escape(_rights(decisions))}</p>',
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>How AI used your information</title><style>{STYLE}</style>"
        f"<main>{''.join(parts)}</main></html>"
    )


def _tile(count: int, words: str) -> str:
    return f'<div class="tile"><b>{count}</b><span class="soft">{escape(words)}</span></div>'


def _bars(used: Counter[str], *, total: int) -> str:
    if not used:
        return '<p class="soft">None of your data was used.</p>'
    return "".join(
        f'<div class="bar"><span>{escape(_data(source))}</span>'
        f'<i style="width:{100 * count / max(total, 1):.0f}%"></i><span>{count}×</span></div>'
        for source, count in used.most_common()
    )


def _receipts(receipts: Iterable[Mapping[str, Any]]) -> str:
    """What was said on one day in the same words is one row."""
    days: dict[tuple[str, str], list[str]] = {}
    for told in receipts:
        if told["words"]:
            pairs = days.setdefault((_day(told["at"]), told["words"]), [])
            pairs += told["began"] or told["ended"]
    rows = "".join(
        f"<tr><td>{day}</td><td>{escape(words)}<ul class=soft>{_pairs(pairs)}</ul></td></tr>"
        for (day, words), pairs in days.items()
    )
    return f"<table>{rows}</table>" if rows else '<p class="soft">Nothing yet.</p>'


def _forgotten(told: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield "<h2>What our models forgot</h2>"
    for one in told:
        yield f'<div class="card">{escape(one["words"])}</div>'


def _foretold(told: Mapping[str, Any]) -> Iterable[str]:
    """The newest warning: its words, where the balance was going, and the payments that were expected."""
    evidence = told["evidence"]
    yield "<h2>What we saw coming</h2>"
    rows = "".join(f"<li>{escape(payment(row))}</li>" for row in evidence.get("expected", ()))
    yield (
        f'<div class="card"><p>{escape(told["words"])}</p>{svg(evidence)}'
        + "".join(f"<p>{escape(words)}</p>" for words in remedies(evidence))
        + (f"<p>Regular payments that we expected:</p><ul>{rows}</ul>" if rows else "")
        + "</div>"
    )


def _gathered(decisions: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Newest first; silences in a row that tell the same are one."""
    groups: list[list[Mapping[str, Any]]] = []
    for entry in decisions:
        last = groups[-1][-1] if groups else None
        if last is not None and last["effect"] == "silence" and _told(last) == _told(entry):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups[::-1]


def _told(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two silences must share to be told as one."""
    why_not = entry["explanation"].get("why_not", ())
    return entry["effect"], entry["words"], entry["consents"], [row["words"] for row in why_not]


def _decision(entries: Sequence[Mapping[str, Any]]) -> str:
    entry = entries[-1]
    explanation = entry["explanation"]
    quiet = entry["effect"] == "silence"
    times = f" ({len(entries)} times)" if len(entries) > 1 else ""
    title = f"We said nothing{times}" if quiet else f"We suggested «{entry['title']}»"
    pills = "".join(f'<span class="pill">{escape(_data(s))}</span>' for s in entry["sources"])
    uses = "".join(f"<p>{escape(use['words'])}</p>" for use in entry.get("uses", ()))
    without = explanation.get("consent_counterfactual")
    blind = ""
    if without:
        result = str(without["action"]).replace("_", " ")
        instead = (
            "we would have said nothing"
            if result == "silence"
            else f"you would have heard «{result}»"
        )
        blind = f"<p>Without {escape(_data(without['without']))}, {escape(instead)}.</p>"
    factors = "".join(
        f"<li>{escape(f['words'])} spoke {escape(f['direction'])} it</li>"
        for f in explanation.get("top_factors", ())
    )
    others = "".join(
        f"<li>{escape(row['title'])}: {escape(row['words'])}</li>"
        for row in explanation.get("why_not", ())
    )
    consents = ", ".join(
        sorted({p.partition("@")[0] for by in entry["consents"].values() for p in by.values()})
    )
    return (
        f'<article class="card{"" if quiet else " said"}"><h3>{escape(title)}</h3>'
        f'<p class="soft">{_span(entries)}</p><p>{escape(entry["words"])}</p>'
        f"<p>{pills}</p><details><summary>Which data, for what, and why not something else</summary>"
        f"{uses}{blind}{'<ul>' + factors + '</ul>' if factors else ''}"
        f"{'<p>Not this time:</p><ul>' + others + '</ul>' if others else ''}"
        f'<p class="soft">Under your consents {escape(consents) or "none"}.</p></details></article>'
    )


def _rights(decisions: Iterable[Mapping[str, Any]]) -> str:
    return next((str(d["explanation"]["rights"]) for d in decisions), "")


def _data(source: str) -> str:
    return SOURCE_WORDS[Source(source)]


def _pairs(pairs: Iterable[str]) -> str:
    by_purpose: dict[str, list[str]] = {}
    for pair in pairs:
        purpose, _, source = pair.partition(":")
        by_purpose.setdefault(purpose, []).append(_data(source))
    return "".join(
        f"<li>{escape(f'for {PURPOSE_WORDS[Purpose(purpose)]}: ' + ', '.join(dict.fromkeys(data)))}</li>"
        for purpose, data in by_purpose.items()
    )


def _day(instant: str) -> str:
    return datetime.fromisoformat(instant).strftime("%-d %B %Y")


def _span(entries: Sequence[Mapping[str, Any]]) -> str:
    first, last = _moment(entries[0]["at"]), _moment(entries[-1]["at"])
    return first if first == last else f"{first} to {last}"


def _moment(instant: str) -> str:
    return datetime.fromisoformat(instant).strftime("%-d %B %Y, %H:%M")
