"""Who lives in the town: kinds of people, with what they earn, hold, like and tend to agree to.

Shares and amounts are plausible, not measured. Money is EUR per month here; residents hold minor units.
"""

from dataclasses import dataclass, field
from typing import Literal

Employment = Literal["employed", "self_employed", "student", "retired", "unemployed"]
Pay = Literal["monthly", "weekly", "gigs", "pension", "allowance"]

CATEGORIES: tuple[str, ...] = (
    "saving",
    "credit",
    "insurance",
    "investing",
    "travel",
    "home",
    "guidance",
    "digital",
    "consent",
)
"""What an offer is about: the axes of a resident's liking."""


@dataclass(slots=True, frozen=True)
class Persona:
    """One kind of people.

    ``share`` of the town; ``ages`` and ``income_eur`` are ranges; ``rent_share`` and ``saving_rate`` are
    shares of income; ``buffer_months`` is the starting balance in months of income; ``sessions_day`` and
    ``trips_year`` are means; ``likes`` is the mean liking by category, 0 is neutral;
    ``holds`` the chance of holding a product at the start; ``open_share`` how readily they share data.
    """

    name: str
    share: float
    ages: tuple[int, int]
    income_eur: tuple[int, int]
    pay: Pay
    employment: Employment
    rent_share: float
    saving_rate: float
    buffer_months: tuple[float, float]
    sessions_day: float
    trips_year: float
    household: tuple[int, int]
    open_share: float
    likes: dict[str, float] = field(default_factory=dict)
    holds: dict[str, float] = field(default_factory=dict)


PERSONAS: tuple[Persona, ...] = (
    Persona(
        "student", 0.14, (18, 25), (750, 1300), "allowance", "student", 0.36, 0.0, (0.3, 1.2),
        1.1, 2.5, (1, 3), 0.85,
        {"travel": 0.4, "digital": 0.6, "saving": 0.1, "investing": -0.4, "insurance": -0.6},
        {"instant_saver": 0.2, "travel_card": 0.12},
    ),
    Persona(
        "young_professional", 0.22, (24, 36), (2200, 3900), "monthly", "employed", 0.32, 0.12,
        (0.4, 2.5), 1.0, 5.0, (1, 2), 0.8,
        {"travel": 0.6, "digital": 0.5, "investing": 0.3, "home": 0.1},
        {"credit_card": 0.4, "instant_saver": 0.35, "travel_card": 0.25, "index_fund": 0.15},
    ),
    Persona(
        "family", 0.2, (30, 50), (3000, 5200), "monthly", "employed", 0.30, 0.02, (0.3, 2.0),
        0.8, 2.2, (3, 5), 0.7,
        {"home": 0.5, "insurance": 0.5, "saving": 0.3, "guidance": 0.3},
        {"mortgage": 0.45, "savings_account": 0.5, "car_insurance": 0.4, "credit_card": 0.4,
         "junior_account": 0.25, "life_insurance": 0.25},
    ),
    Persona(
        "freelancer", 0.12, (26, 55), (1900, 4600), "gigs", "self_employed", 0.28, 0.08,
        (0.4, 3.0), 0.9, 3.5, (1, 3), 0.6,
        {"saving": 0.3, "guidance": 0.4, "credit": 0.2, "digital": 0.3},
        {"business_account": 0.4, "instant_saver": 0.3, "credit_card": 0.4, "overdraft": 0.3},
    ),
    Persona(
        "retiree", 0.14, (64, 86), (1500, 2900), "pension", "retired", 0.16, 0.08, (1.5, 8.0),
        0.3, 1.6, (1, 2), 0.45,
        {"saving": 0.5, "insurance": 0.2, "digital": -0.7, "credit": -0.8, "travel": 0.2},
        {"savings_account": 0.6, "home_insurance": 0.45, "travel_insurance": 0.2},
    ),
    Persona(
        "affluent", 0.08, (38, 64), (5600, 11000), "monthly", "employed", 0.18, 0.28, (2.0, 9.0),
        0.7, 7.0, (1, 4), 0.6,
        {"investing": 0.8, "travel": 0.5, "saving": 0.3, "credit": -0.3},
        {"gold_card": 0.4, "index_fund": 0.4, "stocks_account": 0.3, "mortgage": 0.4,
         "savings_account": 0.4, "pension": 0.3, "home_insurance": 0.4},
    ),
    Persona(
        "struggling", 0.10, (22, 60), (1150, 1900), "weekly", "employed", 0.40, -0.10, (0.05, 0.5),
        0.9, 0.6, (1, 4), 0.6,
        {"guidance": 0.7, "credit": 0.3, "saving": -0.2, "investing": -0.8, "insurance": -0.4},
        {"overdraft": 0.6, "personal_loan": 0.35, "credit_card": 0.3},
    ),
)  # fmt: skip

LEANINGS: dict[str, dict[str, float]] = {
    "traveller": {"travel_card": 0.45, "fx_account": 0.3, "travel_insurance": 0.3},
    "saver": {"savings_account": 0.35, "instant_saver": 0.3, "index_fund": 0.2, "pension": 0.2},
    "owner": {"home_insurance": 0.45, "mortgage": 0.2, "car_insurance": 0.3, "life_insurance": 0.2},
    "borrower": {"credit_card": 0.35, "personal_loan": 0.25, "car_loan": 0.2, "overdraft": 0.25},
}
"""Hidden leanings that several holdings share, so that what one holds says something of what one wants."""

LEANING_CATEGORY: dict[str, str] = {
    "traveller": "travel",
    "saver": "saving",
    "owner": "insurance",
    "borrower": "credit",
}
LEANING_SHARE = 0.28
