"""Where the town spends: shops by merchant category code, with weekly rhythm and usual amounts.

Source: merchant category codes of ISO 18245; names are made up.
"""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Trade:
    """A kind of shop.

    ``mean_eur`` and ``spread`` (sd of the logarithm) shape the amount; ``weekly`` is the relative weight
    per weekday, Monday first; ``hours`` the opening span; ``visits_week`` the mean number of visits.
    """

    name: str
    mcc: str
    merchants: tuple[str, ...]
    mean_eur: float
    spread: float
    weekly: tuple[float, ...]
    hours: tuple[int, int]
    visits_week: float
    essential: bool = False


EVEN = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
SHOPPING = (0.7, 0.7, 0.8, 0.9, 1.2, 1.9, 0.8)
EVENINGS = (0.5, 0.6, 0.7, 1.0, 1.7, 1.8, 0.7)
WORKDAYS = (1.35, 1.35, 1.35, 1.35, 1.2, 0.3, 0.1)

TRADES: tuple[Trade, ...] = (
    Trade("groceries", "5411", ("Greenbasket", "Corner Market", "Daily Foods", "Nordkauf"), 31.0, 0.6,
          (0.9, 0.8, 0.9, 1.0, 1.3, 1.6, 0.5), (8, 21), 2.4, essential=True),
    Trade("bakery", "5462", ("Old Mill Bakery", "Crumb"), 6.5, 0.4, SHOPPING, (7, 18), 1.0),
    Trade("restaurant", "5812", ("Trattoria Sole", "The Lantern", "Sakura House", "Bistro 9"), 34.0,
          0.5, EVENINGS, (12, 23), 0.8),
    Trade("fast_food", "5814", ("Burger Yard", "Noodle Bar", "Kebab Palace"), 11.5, 0.35, EVEN,
          (11, 23), 1.0),
    Trade("bar", "5813", ("The Anchor", "Blue Door"), 18.0, 0.5, EVENINGS, (18, 23), 0.35),
    Trade("transit", "4111", ("City Transit", "Metro Link"), 4.2, 0.5, WORKDAYS, (6, 21), 1.6,
          essential=True),
    Trade("fuel", "5541", ("Orbit Fuel", "Station 24"), 52.0, 0.3, EVEN, (6, 22), 0.3),
    Trade("taxi", "4121", ("QuickCab",), 14.0, 0.4, EVENINGS, (8, 23), 0.25),
    Trade("pharmacy", "5912", ("Central Pharmacy", "Well & Good"), 16.0, 0.6, SHOPPING, (9, 19), 0.35,
          essential=True),
    Trade("clothes", "5651", ("Thread & Co", "Linea"), 54.0, 0.6, SHOPPING, (10, 20), 0.3),
    Trade("online", "5311", ("Parcelpoint", "Everything Store"), 38.0, 0.8, EVEN, (8, 23), 0.7),
    Trade("books", "5942", ("Page Turner",), 19.0, 0.5, SHOPPING, (10, 19), 0.15),
    Trade("cinema", "7832", ("Odeon Hall", "Filmhaus"), 16.0, 0.4, EVENINGS, (16, 22), 0.2),
    Trade("games", "5816", ("Pixel Shop",), 12.0, 0.6, EVENINGS, (10, 23), 0.2),
    Trade("hardware", "5200", ("Fix-It Depot",), 42.0, 0.7, SHOPPING, (8, 19), 0.15),
    Trade("hairdresser", "7230", ("Studio Kamm",), 36.0, 0.3, SHOPPING, (9, 19), 0.12),
    Trade("cash", "6011", ("Cash machine",), 60.0, 0.5, SHOPPING, (7, 23), 0.4, essential=True),
)  # fmt: skip

VISITS_WEEK = sum(trade.visits_week for trade in TRADES)
SPEND_WEEK_EUR = sum(trade.visits_week * trade.mean_eur for trade in TRADES)
"""What one week of all trades costs at their usual amounts, before a resident's own scale."""

AIRLINES: tuple[tuple[str, str], ...] = (
    ("3008", "Lufthansa"),
    ("3005", "British Airways"),
    ("3245", "EasyJet"),
    ("3246", "Ryanair"),
    ("3010", "KLM"),
)
ABROAD: tuple[tuple[str, str, float], ...] = (
    ("5812", "Seaside Grill", 41.0),
    ("5411", "Supermercado", 24.0),
    ("7991", "City Museum", 18.0),
    ("4121", "Airport Taxi", 33.0),
    ("5947", "Souvenirs", 22.0),
)
MOVING: tuple[tuple[str, str, float], ...] = (
    ("4214", "Swift Removals", 780.0),
    ("5712", "Oak & Linen Furniture", 640.0),
    ("5200", "Fix-It Depot", 170.0),
    ("5722", "Kitchen World", 390.0),
)
BABY: tuple[tuple[str, str, float], ...] = (
    ("5641", "Little Steps", 95.0),
    ("5912", "Central Pharmacy", 38.0),
    ("5945", "Toy Box", 32.0),
)
CAR: tuple[tuple[str, str, float], ...] = (
    ("5511", "Autohaus Ring", 1900.0),
    ("7538", "Ring Garage", 260.0),
)
SUBSCRIPTIONS: tuple[tuple[str, str, float], ...] = (
    ("4899", "Streamly", 12.99),
    ("5815", "Tunefall", 10.99),
    ("7997", "Iron Gym", 34.90),
    ("5968", "Weekly Reader", 8.50),
    ("5734", "Cloud Drive", 2.99),
)
UTILITIES: tuple[tuple[str, str, float, float], ...] = (
    ("4900", "City Energy", 82.0, 0.18),
    ("4814", "Tele One", 29.99, 0.0),
    ("6300", "Alliance Liability", 11.40, 0.0),
)
