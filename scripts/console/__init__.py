"""What a person sees of a running stream: a live view, plain lines where there is no terminal, a summary."""

from scripts.console.tally import Header, Tally
from scripts.console.view import render

__all__ = ["Header", "Tally", "render"]
