"""What residents write to the bank: sentences by intent, in many wordings, with personal data to be masked."""

from schemas.base import DAY_MS
from scripts.town.resident import Resident
from scripts.town.stage import Stage

OPENINGS = ("", "", "", "Hi, ", "Hello, ", "Good morning, ", "Hey ", "Dear team, ")
CLOSINGS = (
    "",
    "",
    "",
    " Thanks.",
    " Thank you!",
    " Please help.",
    " Can you help me?",
    " Regards, {name}",
)
NAMES = ("Maria Keller", "John Byrne", "Anna de Vries", "Luis Ortega", "Claire Moreau", "Tom Huber")
PERSONAL = (
    " My name is {name}.",
    " You can reach me on {phone}.",
    " My account is {iban}.",
    " The card is {card}.",
    " Write to {email}.",
)
LABELLED_SHARE = 0.25

SENTENCES: dict[str, tuple[str, ...]] = {
    "card_lost": (
        "I lost my card {when}, please block it.",
        "my wallet was stolen {when} and my bank card was in it",
        "I can't find my debit card anywhere, what should I do?",
        "Somebody took my card. Freeze it now!",
    ),
    "card_dispute": (
        "There is a payment of {amount} that I never made.",
        "I don't recognise a charge of {amount} from {when}.",
        "I was charged twice for the same purchase, {amount} each time.",
        "this {amount} on my card is not mine, I want it back",
    ),
    "borrow_money": (
        "I would like to borrow {amount}, what would the rate be?",
        "Can I get a loan to renovate the kitchen?",
        "how much credit could you give me",
        "I need a personal loan of about {amount}.",
    ),
    "mortgage_question": (
        "What are your mortgage rates at the moment?",
        "We found a house and want to talk about a mortgage.",
        "how much could I borrow for a flat with {amount} of savings?",
        "My fixed rate ends soon, can I remortgage?",
    ),
    "save_money": (
        "I'd like to put money aside every month, how do I start?",
        "which savings account gives the best interest?",
        "I want to save {amount} by summer.",
        "Is there an easy way to save a little each payday?",
    ),
    "invest_money": (
        "I have {amount} that I don't need, should I invest it?",
        "How can I buy an index fund with you?",
        "thinking about shares and ETFs, what do you offer",
        "I want to start investing for the long run.",
    ),
    "money_trouble": (
        "I can't pay my rent this month and I don't know what to do.",
        "I'm behind with my bills and getting letters, it keeps me up at night.",
        "my hours were cut, I won't be able to make the payment {when}",
        "I'm struggling with money, everything is due at once.",
    ),
    "travel_plans": (
        "I'm flying to {place} soon, will my card work there?",
        "Do I need to tell you before I go abroad?",
        "what does it cost to take out cash in {place}?",
        "We are travelling to {place} next week, am I insured?",
    ),
    "fee_complaint": (
        "Why did you charge me {amount}? I want this fee back.",
        "These fees are ridiculous, {amount} for nothing!",
        "I was charged a fee {when} and nobody told me about it.",
        "Refund the overdraft fee please, this is unfair.",
    ),
    "open_account": (
        "How do I open another account?",
        "I want to open a joint account with my partner.",
        "can I open an account for my business?",
        "What do I need to open an account for my son?",
    ),
    "close_account": (
        "I want to close my account.",
        "I'm moving to another bank, how do I cancel everything?",
        "please close my account, I'm fed up with you",
        "Tell me how to end my contract.",
    ),
    "insurance_question": (
        "Does my insurance cover a broken phone?",
        "What does home insurance cost for a flat of 70 square metres?",
        "am I covered if my flight is cancelled",
        "I'd like to know more about life insurance for a family.",
    ),
    "app_problem": (
        "The app crashes whenever I open payments.",
        "I can't log in since the update.",
        "your app shows an error and my transfer is stuck",
        "The app is so slow, it froze again {when}.",
    ),
    "moving_house": (
        "We're moving {when}, how do I change my address?",
        "I have a new flat and need to update my address.",
        "moving house next month, what do you need from me?",
        "Please change my address, I moved.",
    ),
    "payment_help": (
        "My transfer of {amount} has not arrived.",
        "how do I cancel a standing order?",
        "I sent {amount} to the wrong account, can you get it back?",
        "The direct debit was returned, why?",
    ),
    "other": (
        "What are your opening hours on Saturday?",
        "Do you sponsor the city marathon again this year?",
        "is it possible to get a calendar for 2026?",
        "Just wanted to say that the new branch looks lovely.",
    ),
}
"""Wordings by intent; places in braces are filled in."""

PLAIN: tuple[str, ...] = (
    "card_lost",
    "card_dispute",
    "save_money",
    "open_account",
    "insurance_question",
    "payment_help",
    "other",
    "other",
)
"""What people write about when nothing in particular has happened."""


def write(stage: Stage, who: Resident, now_ms: int, intent: str) -> None:
    """Send one message; a colleague of the bank labels some of them a day later."""
    rng = who.rng
    who.life[f"intent.{intent}"] = now_ms
    text = rng.choice(OPENINGS) + rng.choice(SENTENCES[intent])
    if who.chance(0.3):
        text += rng.choice(PERSONAL)
    text = _filled(who, text + rng.choice(CLOSINGS))
    channel = rng.choice(("chat", "chat", "chat", "email", "call", "review"))
    message_id = stage.tell(who, "message.received", channel=channel, text=text)
    if rng.random() < LABELLED_SHARE:
        stage.plan(now_ms + DAY_MS, who, label, (message_id, text, intent))


def label(stage: Stage, who: Resident, now_ms: int, what: tuple[str, str, str]) -> None:
    """Say what an earlier message was about."""
    del now_ms
    message_id, text, intent = what
    stage.tell(who, "message.labelled", message_id=message_id, text=text, intent=intent)


def _filled(who: Resident, text: str) -> str:
    rng = who.rng
    name = NAMES[(who.birth_year + len(who.shops)) % len(NAMES)]
    digits = "".join(str(rng.randrange(10)) for _ in range(8))
    trip = who.trip
    return text.format(
        when=rng.choice(("yesterday", "today", "last night", "on Monday", "two days ago")),
        amount=f"{rng.choice((12, 25, 49.9, 80, 120, 250, 900, 2_000, 5_000)):g} EUR",
        place=trip.destination if trip else rng.choice(("Lisbon", "New York", "Rome", "Bangkok")),
        name=name,
        phone=f"+353 86 {digits[:3]} {digits[3:7]}",
        iban="IE29 AIBK 9311 5212 3456 78",
        card="4539 1488 0343 6467",
        email=name.lower().replace(" ", ".") + "@example.org",
    )
