"""Curves drawn with Braille dots: eight dots a character, one colour a curve."""

from collections.abc import Mapping, Sequence

from rich.text import Text

BLANK = 0x2800
DOTS: tuple[tuple[int, ...], ...] = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot, by column and row within a character (Unicode block Braille Patterns)."""
LABEL = 6
"""Characters of the scale at the left."""


def chart(
    curves: Mapping[str, Sequence[float]], *, styles: Mapping[str, str], width: int, height: int
) -> list[Text]:
    """Curves over a common scale from 0 to the largest value.

    Args:
        curves: Values by name, oldest first; a later curve is drawn over an earlier one.
        styles: The style of each name.
        width: Characters, the scale included.
        height: Lines.

    Returns:
        The lines, top first; empty ones if there is nothing to draw.
    """
    columns = max(width - LABEL - 1, 1)
    top = max((value for curve in curves.values() for value in curve), default=0.0)
    cells = [[BLANK] * columns for _ in range(height)]
    owners = [[""] * columns for _ in range(height)]
    for name, curve in curves.items():
        for x, y in _dots(curve, top=top, columns=2 * columns, rows=4 * height):
            below = height - 1 - y // 4
            cells[below][x // 2] |= DOTS[x % 2][3 - y % 4]
            owners[below][x // 2] = styles[name]
    lines: list[Text] = []
    for number, (row, owned) in enumerate(zip(cells, owners, strict=True)):
        label = f"{top:.2f}" if number == 0 and top else "0" if number == height - 1 else ""
        line = Text(label.rjust(LABEL) + " ", "dim", no_wrap=True)
        for cell, style in zip(row, owned, strict=True):
            line.append(chr(cell) if cell != BLANK else " ", style)
        lines.append(line)
    return lines


def _dots(curve: Sequence[float], *, top: float, columns: int, rows: int) -> list[tuple[int, int]]:
    """The dots of one curve, (column, row from below), joined by straight lines."""
    if not curve or top <= 0:
        return []
    if len(curve) == 1:
        curve = (curve[0], curve[0])
    found = []
    before: int | None = None
    for x in range(columns):
        place = x * (len(curve) - 1) / (columns - 1)
        left = min(int(place), len(curve) - 2)
        value = curve[left] + (place - left) * (curve[left + 1] - curve[left])
        y = round(min(max(value / top, 0.0), 1.0) * (rows - 1))
        steps = range(y, y + 1) if before is None else range(min(before, y), max(before, y) + 1)
        found += [(x, step) for step in steps if before is None or step != before or step == y]
        before = y
    return found
