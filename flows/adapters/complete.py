"""The last step of an adapter: a customer in, account numbers and names out.

Pseudonyms are keyed digests: the same number is the same pseudonym wherever it turns up (an account, the other
side of somebody's payment), and nobody finds the number without the key.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from flows.adapters import jsons, native
from flows.adapters.shapes import Found
from operators.nlu.masking import mask
from schemas.errors import InputError
from schemas.events import EventBase

Pseudonym = Callable[[str], str]
_DIGEST_BYTES = 12


def pseudonyms(key: str) -> Pseudonym:
    """What makes pseudonyms under a key of the deployment.

    Example:
        >>> pseudonyms("secret")("CH28") == pseudonyms("other")("CH28"), len(pseudonyms("")("CH28"))
        (False, 26)
    """
    # BLAKE2 takes keys of up to 64 bytes; a longer secret is brought to size first.
    secret = blake2b(key.encode(), digest_size=64).digest() if key else b""

    def made(text: str) -> str:
        digest = blake2b(text.encode(), digest_size=_DIGEST_BYTES, key=secret).hexdigest()
        return f"p-{digest}"

    return made


def complete(found: Found, customer: str, *, pseudonym: Pseudonym) -> EventBase | InputError:
    """The native event of what an adapter found, or what is wrong with a field of it.

    Args:
        found: With the source's own ids.
        customer: Whose it is.
        pseudonym: Number or name → pseudonym.
    """
    body: dict[str, Any] = found.body | {
        "customer": customer,
        "account": pseudonym(found.holder.id),
    }
    _hide(body, pseudonym)
    if "details" in body:
        body["details"] = [_hidden(detail, pseudonym) for detail in body["details"]]
    return native.read_one(jsons.dumps(body))


def _hidden(detail: dict[str, Any], pseudonym: Pseudonym) -> dict[str, Any]:
    made = dict(detail)
    _hide(made, pseudonym)
    return made


def _hide(body: dict[str, Any], pseudonym: Pseudonym) -> None:
    if body.get("counterparty") is not None:
        body["counterparty"] = pseudonym(body["counterparty"])
    for field in ("reference", "end_to_end"):
        if body.get(field) is not None:
            body[field] = mask(body[field])[:140]
