"""The settings that decide reads: thresholds, caps and shares. The part of the TOML file that is policy.

Its digest is in every decision, so that a decision can be made again.
"""

from typing import Annotated

from pydantic import Field

from schemas.base import Shape

Share = Annotated[float, Field(ge=0, le=1)]


class Rules(Shape):
    """Policy levers, all with a default; changing one changes the digest of the configuration."""

    holdout_share: Share = 0.05
    """Customers (by hash) whom nothing but protective items reaches: the base of uplift."""
    control_share: Share = 0.10
    """Customers (by hash) for whom an allowed action is drawn evenly: the base of learning's worth."""
    contacts_per_week: Annotated[int, Field(ge=0, le=100)] = 4
    contacts_per_day: Annotated[int, Field(ge=0, le=20)] = 2
    marketing_per_week: Annotated[int, Field(ge=0, le=100)] = 2
    push_per_week: Annotated[int, Field(ge=0, le=100)] = 2
    consent_ask_rest_days: Annotated[int, Field(ge=1, le=730)] = 90
    consent_renewal_days: Annotated[int, Field(ge=0, le=90)] = 14
    consent_asks_per_month: Annotated[int, Field(ge=0, le=30)] = 2
    dismissed_rest_days: Annotated[int, Field(ge=1, le=730)] = 14
    not_now_rest_days: Annotated[int, Field(ge=1, le=730)] = 7
    not_relevant_rest_days: Annotated[int, Field(ge=1, le=730)] = 90
    complained_pause_days: Annotated[int, Field(ge=1, le=730)] = 30
    cannot_afford_rest_days: Annotated[int, Field(ge=1, le=730)] = 180
    mistrusted_source_days: Annotated[int, Field(ge=1, le=3650)] = 365
    response_window_days: Annotated[int, Field(ge=1, le=90)] = 3
    lateness_days: Annotated[int, Field(ge=1, le=366)] = 90
    shortfall_threshold_minor: int = 0
    shortfall_horizon_days: Annotated[int, Field(ge=7, le=90)] = 30
    shortfall_warn: Share = 0.35
    shortfall_suppress_sales: Share = 0.5
    debt_service_share_max: Share = 0.4
    intent_abstain: Share = 0.35
    silent_days: Annotated[int, Field(ge=0, le=36_500)] = 1095
    """Customers who were not heard of for so long are forgotten; 0: never."""
    recent_ids: Annotated[int, Field(ge=8, le=4096)] = 64
    seed: str = "market-of-one"
    """Names the assignment of customers to arms and every draw."""
