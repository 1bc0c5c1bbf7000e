"""XML read so that it can do no harm: no document type, no entities, no network, bounded size and depth.

Source: OWASP, XML External Entity Prevention; lxml FAQ, «How do I use lxml safely?».
"""

from typing import Any

from lxml import etree

from flows.adapters.shapes import Refused, refuse
from schemas.errors import InputError

BYTES_MAX = 64 * 1024 * 1024
DEPTH_MAX = 64
"""ISO 20022 messages are about 15 deep."""
BOM = b"\xef\xbb\xbf"
_DECLARATIONS = tuple(
    text.encode(encoding)
    for text in ("<!DOCTYPE", "<!ENTITY")
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
)

Element = Any
"""An lxml element; the library brings no types."""


def parse(value: bytes) -> Element:
    """The root element of a document.

    Raises:
        Refused: ``input.malformed`` (not well-formed, cut, wrong encoding, a document type, too deep) or
            ``input.too-large``.
    """
    if len(value) > BYTES_MAX:
        detail = f"{len(value)} bytes of XML, at most {BYTES_MAX} are read"
        raise Refused(InputError("input.too-large", detail))
    if any(mark in value for mark in _DECLARATIONS):
        raise _malformed("XML with a document type: entities are not read")
    # Banks' converters leave an empty line before the declaration, which XML does not allow.
    value = value.removeprefix(BOM).lstrip(b" \t\r\n")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(value, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" at line {line}" if line else ""
        raise _malformed(f"not well-formed XML{where} ({_kind(error)})") from None
    if root is None:
        raise _malformed("no XML element")
    if root.getroottree().docinfo.doctype:
        raise _malformed("XML with a document type: entities are not read")
    _bounded(root)
    return root


def name(element: Element) -> str:
    """An element's name without its namespace."""
    tag: str = element.tag
    return tag.rpartition("}")[2]


def child(element: Element | None, *path: str) -> Element | None:
    """The first element at a path of names, whatever the namespace; None when there is none."""
    for step in path:
        if element is None:
            return None
        element = next((found for found in element if name(found) == step), None)
    return element


def children(element: Element | None, step: str) -> list[Element]:
    """All children of a name."""
    return [] if element is None else [found for found in element if name(found) == step]


def text(element: Element | None, *path: str) -> str | None:
    """The text at a path, trimmed; None when there is none or it is empty."""
    at = child(element, *path)
    content = at.text.strip() if at is not None and at.text else ""
    return content or None


def required(element: Element | None, *path: str) -> str:
    """The text at a path.

    Raises:
        Refused: There is none.
    """
    content = text(element, *path)
    if content is None:
        raise refuse(f"{'/'.join(path)} is missing")
    return content


def _bounded(root: Element) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > DEPTH_MAX:
            raise _malformed(f"XML nested deeper than {DEPTH_MAX}")


def _kind(error: Exception) -> str:
    """libxml2's name of an error: its words may quote the document."""
    code = getattr(error, "code", None)
    names = {value: key for key, value in vars(etree.ErrorTypes).items() if isinstance(value, int)}
    return names.get(code, type(error).__name__) if isinstance(code, int) else type(error).__name__


def _malformed(what: str) -> Refused:
    return Refused(InputError("input.malformed", what))
