"""Stage 3 of 8: looking ahead from memories. A new forecaster is one file, its test, and one line here."""

from operators.contracts import Forecaster
from operators.forecasting.cashflow import CashFlow, due
from operators.forecasting.changes import Changes

FORECASTERS: tuple[Forecaster, ...] = (CashFlow(), Changes())
"""Every forecaster, in order."""

__all__ = ["FORECASTERS", "due"]
