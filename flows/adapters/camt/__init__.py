"""ISO 20022 cash management: camt.052 (report), camt.053 (statement), camt.054 (notification).

Versions 1 to 13 are read; between them elements were renamed, moved and added, so they are looked up by name
wherever each version has them. One file may hold several statements, of several accounts. What is wrong with
an entry is said in its place; what is wrong with the message refuses it whole.

Source: ISO 20022 message definition reports, bank-to-customer cash management, 2009 to 2024.
"""

import re
from collections.abc import Mapping

from flows.adapters.amounts import instant_of
from flows.adapters.camt.statement import read_statement
from flows.adapters.shapes import Message, Refused, Result, refuse
from flows.adapters.xml import Element, children, name, parse, required
from schemas.errors import InputError

NEWEST_VERSION = 13
KINDS: Mapping[str, tuple[str, str]] = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
"""Message → its element (version 1 adds V01 to it), and the element of one statement in it."""
_NAMESPACE = re.compile(r"camt\.(05[234])\.001\.(\d{2})$")
_ENVELOPE_DEPTH = 3


def read(message: Message) -> list[Result]:
    """Everything in one camt message, statement by statement, in order."""
    try:
        kind, version, body = _message(parse(message.value or b""))
        _, step = KINDS[kind]
        required(body, "GrpHdr", "MsgId")
        instant_of(required(body, "GrpHdr", "CreDtTm"), "GrpHdr/CreDtTm")
        statements = children(body, step)
        if not statements:
            raise refuse(f"no {step} in the message")
    except Refused as refused:
        return [refused.error]
    results: list[Result] = []
    for statement in statements:
        try:
            results += read_statement(
                statement,
                external=message.external,
                form=f"camt.{kind}.001.{version:02}",
                made_at=required(body, "GrpHdr", "CreDtTm"),
            )
        except Refused as refused:
            results.append(refused.error)
    return results


def _message(root: Element) -> tuple[str, int, Element]:
    """Kind, version and message element; a business envelope around the document is looked through."""
    document = _document(root, depth=0)
    if document is None:
        raise _foreign("XML without a Document: no ISO 20022 message")
    namespace = document.tag.rpartition("}")[0].lstrip("{")
    at = _NAMESPACE.search(namespace)
    if at is None:
        raise _foreign("the document's namespace is not of camt.052, camt.053 or camt.054")
    kind, version = at.group(1), int(at.group(2))
    if not 1 <= version <= NEWEST_VERSION:
        raise Refused(
            InputError(
                "input.version-too-new",
                f"camt.{kind} of version {version}, this release reads 1 to {NEWEST_VERSION}",
                hint="ask the bank for an older version, or upgrade",
            )
        )
    wanted = KINDS[kind][0]
    body = next((c for c in document if re.fullmatch(rf"{wanted}(?:V\d\d)?", name(c))), None)
    if body is None:
        raise refuse(f"the namespace says camt.{kind}, but there is no {wanted}")
    return kind, version, body


def _document(element: Element, *, depth: int) -> Element | None:
    """The Document, which envelopes put a header beside."""
    if name(element) == "Document":
        return element
    if depth >= _ENVELOPE_DEPTH:
        return None
    inner = (_document(below, depth=depth + 1) for below in element)
    return next((found for found in inner if found is not None), None)


def _foreign(what: str) -> Refused:
    hint = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08 is a namespace that is read"
    return Refused(InputError("input.unknown-kind", what, hint=hint))
