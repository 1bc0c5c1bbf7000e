"""Stage 3 of 8: looking ahead from memories. A new forecaster is one file, its test, and one line here."""

from operators.contracts import Forecaster
from operators.forecasting.cashflow import CashFlow, due

FORECASTERS: tuple[Forecaster, ...] = (CashFlow(),)
"""Every forecaster, in order."""

__all__ = ["FORECASTERS", "due"]
