"""The mandatory fields of ISO/IEC TS 27560:2023, and what of them a receipt lacks.

The list is the standard's own, clause by clause, with the DPV property that carries each field.
"""

from collections.abc import Iterator, Mapping
from typing import Any

HEADER: dict[str, str] = {
    "schema_version": "dct:conformsTo",
    "record_id": "dct:identifier",
    "pii_principal_id": "dpv:hasDataSubject/dct:identifier",
}
PROCESSING: dict[str, str] = {
    "privacy_notice": "dpv:hasNotice/@id",
    "language": "dct:language",
    "purpose": "dpv:hasPurpose/@type",
    "lawful_basis": "dpv:hasLegalBasis",
    "pii_information": "dpv:hasPersonalData",
    "pii_controllers": "dpv:hasDataController/dct:identifier",
    "storage_locations": "dpv:hasStorageCondition/dpv:hasLocation",
    "retention_period": "dpv:hasStorageCondition/dpv:hasDuration",
    "jurisdiction": "dpv:hasJurisdiction",
    "recipient_third_parties": "dpv:hasRecipient",
    "withdrawal_method": "dpv:hasConsentControl/@id",
}
PARTY: dict[str, str] = {
    "party_id": "dpv:hasDataController/dct:identifier",
    "party_address": "dpv:hasDataController/dpv:hasAddress",
    "party_name": "dpv:hasDataController/dpv:hasName",
    "party_contact": "dpv:hasDataController/dpv:hasContact",
    "party_type": "dpv:hasDataController/@type",
}
PII: dict[str, str] = {"pii_type": "@type"}
EVENT: dict[str, str] = {
    "event_time": "dct:date",
    "validity_duration": "dct:valid",
    "entity_id": "dpv:isImplementedByEntity",
    "event_type": "dpv:hasLegalBasis",
    "event_state": "dpv:hasConsentStatus",
}
RECEIPT: dict[str, str] = {"schema_version": "dct:conformsTo", "receipt_id": "dct:identifier"}
"""Field → where it stands. Clauses 6.3.3 to 6.3.7 of a record, 6.4 of a receipt."""


def flaws(receipt: Mapping[str, Any]) -> list[str]:
    """What a receipt lacks of the standard's mandatory fields, in words; nothing if it has them all."""
    found = list(_missing(receipt, RECEIPT, where="receipt"))
    records = receipt.get("dct:hasPart")
    if not isinstance(records, list) or not records:
        return [*found, "receipt: it holds no consent record"]
    for record in records:
        for fields in (HEADER, PROCESSING, PARTY):
            found += _missing(record, fields, where="record")
        for datum in _listed(record.get("dpv:hasPersonalData")):
            found += _missing(datum, PII, where="pii_information")
        events = _listed(record.get("dct:hasPart"))
        if not events:
            found.append("record: it holds no event")
        for event in events:
            found += _missing(event, EVENT, where="event")
    return found


def _missing(body: Any, fields: Mapping[str, str], *, where: str) -> Iterator[str]:
    for name, path in fields.items():
        value = body
        for part in path.split("/"):
            value = value.get(part) if isinstance(value, dict) else None
        if value in (None, "", [], {}):
            yield f"{where}: {name} ({path}) is missing"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
