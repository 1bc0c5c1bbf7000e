"""What the customer is given after each word on consent: the record of it, as JSON-LD in DPV terms.

Stage: 1 of 8. In: control event, what it changed. Out: the receipt for the ``transparency`` topic.

Source: ISO/IEC TS 27560:2023 (fields and their necessity), as the W3C Data Privacy Vocabularies Community
Group maps it to DPV 2 (guide «Consent Records and Receipts as per ISO/IEC TS 27560:2023 using DPV»).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from operators.dialogue import ConsentChange
from operators.draws import identify
from schemas.base import DPV_TERMS, Purpose, Source, stamp
from schemas.consents import CATEGORIES, CATEGORY_TERMS, Category, Controller
from schemas.customer import Customer, Grant
from schemas.events import ConsentGranted, EventBase

Document = dict[str, Any]
Seal = Callable[[Document, str], Document]
"""Signs a document, made at an instant (RFC 3339), and returns it with its proof."""
CONTEXT: tuple[Any, ...] = (
    {
        "dpv": "https://w3id.org/dpv#",
        "pd": "https://w3id.org/dpv/pd#",
        "loc": "https://w3id.org/dpv/loc#",
        "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
        "dct": "http://purl.org/dc/terms/",
    },
    "https://w3id.org/security/data-integrity/v2",
)
RECEIPT = "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr"
RECORD = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
UNLIMITED = "until withdrawn"
RECORDED: frozenset[str] = frozenset(
    {"dpv:ConsentGiven", "dpv:RenewedConsentGiven", "dpv:ConsentWithdrawn", "dpv:ConsentExpired"}
)
"""States that a consent record can have; objections and preferences are no consent."""
RIGHTS: tuple[str, ...] = (
    "eu-gdpr:A15", "eu-gdpr:A16", "eu-gdpr:A17", "eu-gdpr:A18", "eu-gdpr:A20", "eu-gdpr:A21",
    "eu-gdpr:A22", "eu-gdpr:A77",
)  # fmt: skip


def receipt(
    before: Customer,
    event: EventBase,
    change: ConsentChange,
    *,
    position: str,
    controller: Controller,
    seal: Seal | None,
) -> Document:
    """The receipt of one change.

    Args:
        before: The customer as they stood before it: what ended is found there.
        event: What changed it; for an expiry, what made it be noticed.
        change: What began and ended.
        position: Where on the log it took effect.
        controller: Who answers for the data.
        seal: Signs the document; None leaves it without a proof.
    """
    body = {
        "type": "consent.receipt",
        "receipt_id": identify(event.event_id, before.customer, "receipt", change.state),
        "customer": before.customer,
        "at": event.at.isoformat(),
        "position": position,
        "event": _told(event, change),
        "began": [f"{p}:{s}" for p, s in change.began],
        "ended": [f"{p}:{s}" for p, s in change.ended],
        "state": change.state,
        "words": change.words,
    }
    records = list(_records(before, event, change, position=position, controller=controller))
    if not records:
        return body
    document: Document = {
        "@context": list(CONTEXT),
        "@id": f"urn:market-of-one:receipt:{body['receipt_id']}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": RECEIPT,
        "dct:identifier": body["receipt_id"],
        "dct:hasPart": records,
    }
    return {**body, "receipt": seal(document, event.at.isoformat()) if seal else document}


def _records(
    before: Customer,
    event: EventBase,
    change: ConsentChange,
    *,
    position: str,
    controller: Controller,
) -> Iterable[Document]:
    """One consent record a record id and purpose that the change is about."""
    if change.state not in RECORDED:
        return
    if isinstance(event, ConsentGranted) and change.began:
        until_ms = None if event.valid_until is None else round(event.valid_until.timestamp() * 1e3)
        yield _record(
            before,
            event,
            change,
            grant=Grant(event.record_id, position, event.at_ms, until_ms),
            purpose=event.purpose,
            sources=[source for _, source in change.began],
            position=position,
            controller=controller,
        )
        return
    found: dict[tuple[Purpose, str], tuple[Grant, list[Source]]] = {}
    for purpose, source in change.ended:
        ended = before.grants.get(purpose, {}).get(source)
        if ended is not None:
            found.setdefault((purpose, ended.record_id), (ended, []))[1].append(source)
    for (purpose, _), (ended, sources) in found.items():
        yield _record(
            before,
            event,
            change,
            grant=ended,
            purpose=purpose,
            sources=sources,
            position=position,
            controller=controller,
        )


def _record(
    before: Customer,
    event: EventBase,
    change: ConsentChange,
    *,
    grant: Grant,
    purpose: Purpose,
    sources: Sequence[Source],
    position: str,
    controller: Controller,
) -> Document:
    notice = event.notice if isinstance(event, ConsentGranted) else None
    valid = UNLIMITED if grant.until_ms is None else stamp(grant.until_ms)
    return {
        "@id": f"urn:market-of-one:record:{grant.record_id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": RECORD,
        "dct:identifier": grant.record_id,
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "dct:identifier": before.customer},
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "@id": controller.notice_uri if notice is None else notice.uri,
            "dct:hasVersion": "current" if notice is None else notice.version,
            **({} if notice is None else {"sha256": notice.hash}),
        },
        "dct:language": "en" if notice is None else notice.language,
        "dpv:hasPurpose": {"@type": DPV_TERMS[purpose], "dct:title": purpose.value},
        "dpv:hasLegalBasis": "eu-gdpr:A6-1-a",
        "dpv:hasPersonalData": [
            {
                "@type": CATEGORY_TERMS[Category(category)],
                "dct:title": category,
                "dpv:hasDataSource": source.value,
            }
            for source in sources
            for category in _categories(before, event, source)
        ],
        "dpv:hasDataController": _party(controller),
        "dpv:hasProcessing": ["dpv:Collect", "dpv:Store", "dpv:Profiling"],
        "dpv:hasStorageCondition": {
            "dpv:hasLocation": f"loc:{controller.storage_location}",
            "dpv:hasDuration": controller.retention,
        },
        "dpv:hasJurisdiction": f"loc:{controller.jurisdiction}",
        "dpv:hasRecipient": list(controller.recipients) or ["none"],
        "dpv:hasConsentControl": {"@type": "dpv:WithdrawConsent", "@id": controller.withdrawal},
        "dpv:hasRight": [{"@type": right, "@id": controller.rights} for right in RIGHTS],
        "dpv:hasAuthority": controller.authority,
        "dct:hasPart": [
            {
                "dpv:hasConsentStatus": change.state,
                "dct:date": event.at.isoformat(),
                "dct:valid": valid,
                "dpv:isImplementedByEntity": _actor(change, before, controller),
                "dpv:hasLegalBasis": "dpv:ExplicitlyExpressedConsent",
                "dpv:hasIndicationMethod": getattr(event, "method", "event"),
                "position": position,
                "given_at": grant.position,
            }
        ],
    }


def _told(event: EventBase, change: ConsentChange) -> dict[str, Any]:
    """The customer's own word; of what merely made an end be noticed no content, which may be withheld by now."""
    kept = {"kind", "event_id", "at"} if change.state == "dpv:ConsentExpired" else None
    return event.model_dump(mode="json", include=kept, exclude={"customer"}, exclude_none=True)


def _party(controller: Controller) -> Mapping[str, Any]:
    return {
        "@type": ["dpv:LegalEntity", "dpv:DataController"],
        "dct:identifier": controller.id,
        "dpv:hasName": controller.name,
        "dpv:hasAddress": controller.address,
        "dpv:hasContact": controller.contact,
    }


def _categories(before: Customer, event: EventBase, source: Source) -> list[str]:
    whole = CATEGORIES[source]
    if isinstance(event, ConsentGranted):
        limit: Iterable[str] = whole.intersection(event.categories)
        return sorted(limit) or sorted(whole)
    kept = {
        category
        for key, categories in before.category_limits.items()
        if key.endswith(f":{source}")
        for category in categories
    }
    return sorted(kept) or sorted(whole)


def _actor(change: ConsentChange, before: Customer, controller: Controller) -> str:
    """Who did it: time runs out by the controller's clock, everything else is the customer's word."""
    return controller.id if change.state == "dpv:ConsentExpired" else before.customer
