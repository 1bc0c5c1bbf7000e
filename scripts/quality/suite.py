"""`scripts/test`: the whole pytest suite; arguments go to pytest, paths counted from the repository's root.

It starts nothing itself: fixtures in `tests/conftest.py` start the brokers, and the summary says which ran.
"""

import os
import sys

import pytest

from scripts.bootstrap import ROOT


def main() -> int:
    """Run pytest at the root; its exit code."""
    os.chdir(ROOT)
    return int(pytest.main(sys.argv[1:]))
