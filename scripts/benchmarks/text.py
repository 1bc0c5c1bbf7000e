"""How well and how fast messages are read: seed phrases alone, then after lessons, beside two bare methods.

The sentences are BANKING77's and CLINC150's, which are not shipped: pass the files. Only categories that
belong to one intent without doubt are taken (`BANKING77`, `CLINC150`); the others are left out, and said.
"""

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from flows.encoder import MiniLmEncoder
from flows.phrases import head_of, load
from operators.draws import uniform
from operators.nlu import READERS, IntentHead
from operators.nlu.masking import mask
from schemas.models import Models
from schemas.rules import Rules

Matrix = NDArray[np.float64]

BANKING77: dict[str, str] = {
    "card_lost": "lost_or_stolen_card compromised_card card_swallowed",
    "card_dispute": "card_payment_not_recognised transaction_charged_twice wrong_amount_of_cash_received"
    " cash_withdrawal_not_recognised direct_debit_payment_not_recognised Refund_not_showing_up"
    " request_refund",
    "fee_complaint": "card_payment_fee_charged cash_withdrawal_charge transfer_fee_charged"
    " top_up_by_bank_transfer_charge top_up_by_card_charge exchange_charge extra_charge_on_statement"
    " wrong_exchange_rate_for_cash_withdrawal card_payment_wrong_exchange_rate",
    "travel_plans": "exchange_rate exchange_via_app fiat_currency_support",
    "close_account": "terminate_account",
    "open_account": "age_limit",
    "app_problem": "passcode_forgotten unable_to_verify_identity",
    "moving_house": "edit_personal_details",
    "payment_help": "transfer_not_received_by_recipient failed_transfer cancel_transfer pending_transfer"
    " transfer_timing declined_card_payment declined_transfer pending_card_payment"
    " balance_not_updated_after_bank_transfer beneficiary_not_allowed top_up_failed pending_top_up"
    " receiving_money transfer_into_account balance_not_updated_after_cheque_or_cash_deposit"
    " top_up_reverted declined_cash_withdrawal pending_cash_withdrawal",
}
"""Categories of BANKING77 by intent."""
CLINC150: dict[str, str] = {
    "card_lost": "report_lost_card freeze_account",
    "card_dispute": "report_fraud",
    "borrow_money": "improve_credit_score credit_limit_change new_card credit_limit",
    "payment_help": "transfer pay_bill card_declined",
    "invest_money": "rollover_401k",
    "insurance_question": "insurance insurance_change",
    "travel_plans": "travel_notification travel_alert plug_type exchange_rate international_visa book_flight"
    " book_hotel vaccines carry_on flight_status travel_suggestion",
    "other": "recipe calories play_music reminder shopping_list smart_home uber traffic weather alarm timer"
    " calculator definition spelling time roll_dice tell_joke greeting goodbye thank_you are_you_a_bot"
    " meaning_of_life fun_fact what_is_your_name yes no repeat cancel pto_request schedule_meeting"
    " meeting_schedule tire_change",
}
"""Intents of CLINC150 by ours: travel and credit, and what is none of a bank's business."""


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="scripts/bench text", description=__doc__)
    parser.add_argument("--banking77", type=Path, help="train.csv of BANKING77 (text, category)")
    parser.add_argument("--clinc150", type=Path, help="data_full.json of CLINC150, plain")
    parser.add_argument("--tested", type=int, default=2000, help="sentences tested per file")
    parser.add_argument("--lessons", type=int, default=500, help="sentences learnt one by one")
    options = parser.parse_args(argv)
    encoder = MiniLmEncoder()
    bench = Bench(encoder, tested=options.tested)
    bench.speed([text for texts in load().intents.values() for text in texts][:200])
    clinc = bench.clinc150(options.clinc150) if options.clinc150 else None
    rows = bench.banking77(options.banking77) if options.banking77 else []
    head = head_of(encoder)
    print(f"{'':34}{'n':>6}{'right':>8}{'of the sure':>13}{'sure':>7}")
    lessons, tested = rows[: options.lessons], rows[options.lessons :][: options.tested]
    if tested:
        bench.bare(tested)
    bench.report("seed phrases only", head, banking=tested, clinc=clinc)
    if lessons:
        started = perf_counter()
        for text, intent in lessons:
            head.teach(bench.embed(text), intent)
        spent_ms = (perf_counter() - started) * 1000 / len(lessons)
        bench.report(f"after {len(lessons)} lessons", head, banking=tested, clinc=clinc)
        print(f"a lesson: {spent_ms:.1f} ms, encoding and rehearsal included")
    return 0


Labelled = list[tuple[str, str]]


class Bench:
    """Embeds and counts; embeddings are made once a sentence."""

    def __init__(self, encoder: MiniLmEncoder, *, tested: int) -> None:
        """Hold the encoder and how many sentences to test per file."""
        self._encoder = encoder
        self._tested = tested
        self._known: dict[str, Matrix] = {}

    def embed(self, text: str) -> Matrix:
        """The embedding of a masked text, shape (E,)."""
        if text not in self._known:
            self._known[text] = self._encoder.encode(mask(text)).astype(np.float64)
        return self._known[text]

    def speed(self, texts: Sequence[str]) -> None:
        """Print milliseconds a sentence for masking and encoding, each text once."""
        for name, work in (("mask", mask), ("mask and encode", self.embed)):
            print(f"{name}: {_timed(work, texts)}")

    def banking77(self, path: Path) -> Labelled:
        """The sentences of mapped categories in a keyed random order."""
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
        mapped = _mapped(rows, BANKING77)
        print(f"BANKING77: {len(mapped)} of {len(rows)} sentences belong to one of our intents")
        return mapped

    def clinc150(self, path: Path) -> tuple[Labelled, list[str]]:
        """The mapped sentences of ``val``, and those out of every scope."""
        data: dict[str, list[tuple[str, str]]] = json.loads(path.read_text())
        mapped = _mapped([(text, intent) for text, intent in data["val"]], CLINC150)
        outside = [text for key in ("oos_train", "oos_val") for text, _ in data.get(key, [])]
        print(
            f"CLINC150: {len(mapped)} of {len(data['val'])} sentences, {len(outside)} out of scope"
        )
        return mapped[: self._tested], outside

    def bare(self, rows: Labelled) -> None:
        """Print two bare methods: always the commonest intent; the nearest mean of the seed phrases."""
        truth = [intent for _, intent in rows]
        commonest = max(set(truth), key=truth.count)
        _line("always the commonest intent", [(commonest, 0.0, intent) for intent in truth])
        means = {
            intent: np.mean([self.embed(text) for text in texts], axis=0)
            for intent, texts in load().intents.items()
        }
        found = [
            max(means, key=lambda k: float(means[k] @ x) / float(np.linalg.norm(means[k])))
            for x in (self.embed(text) for text, _ in rows)
        ]
        _line(
            "nearest mean of the seed phrases",
            list(zip(found, [0.0] * len(rows), truth, strict=True)),
        )

    def report(
        self,
        name: str,
        head: IntentHead,
        *,
        banking: Labelled,
        clinc: tuple[Labelled, list[str]] | None,
    ) -> None:
        """Print how a head does on all that was given."""
        models = Models(intents=head.snapshot(1))
        if banking:
            _line(f"{name}: BANKING77", self._read(banking, models))
        if clinc:
            mapped, outside = clinc
            _line(f"{name}: CLINC150", self._read(mapped, models))
            sure = Rules().intent_abstain
            read = self._read([(text, "other") for text in outside], models)
            kept = sum(1 for found, p, _ in read if found == "other" or p < sure)
            print(f"{'  out of scope, not taken for one':34}{len(read):>6}{kept / len(read):>8.1%}")

    def _read(self, rows: Labelled, models: Models) -> list[tuple[str, float, str]]:
        made = []
        for text, intent in rows:
            embedding = self.embed(text).astype(np.float32)
            reading = READERS[-1].read(embedding, text=text, models=models)
            made.append((reading.intent or "", reading.intent_probability, intent))
        return made


def _mapped(rows: Sequence[tuple[str, str]], by_intent: dict[str, str]) -> Labelled:
    intent_of = {name: intent for intent, names in by_intent.items() for name in names.split()}
    kept = [(text, intent_of[name]) for text, name in rows if name in intent_of]
    return sorted(kept, key=lambda row: uniform(row[0], "bench"))


def _line(name: str, read: Sequence[tuple[str, float, str]]) -> None:
    """One row: share right of all; share right of those sure enough to be used, and how many are."""
    right = sum(found == truth for found, _, truth in read) / len(read)
    sure = [found == truth for found, p, truth in read if p >= Rules().intent_abstain]
    of_sure = f"{sum(sure) / len(sure):>13.1%}{len(sure) / len(read):>7.0%}" if sure else ""
    print(f"{name:34}{len(read):>6}{right:>8.1%}{of_sure}")


def _timed(work: Callable[[str], object], texts: Sequence[str]) -> str:
    spent = []
    for text in texts:
        started = perf_counter()
        work(text)
        spent.append((perf_counter() - started) * 1000)
    cuts = quantiles(spent, n=20)
    return f"median {cuts[9]:.3f} ms, p95 {cuts[18]:.3f} ms a sentence ({len(texts)} sentences)"
