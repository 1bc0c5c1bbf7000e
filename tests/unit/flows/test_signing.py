import pytest

from flows.signing import Signer, flaws
from schemas.errors import ConfigError

SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
DOCUMENT = {"@context": ["https://w3id.org/security/data-integrity/v2"], "said": "yes"}


def test_a_signed_document_is_sound_until_it_is_changed() -> None:
    """A proof holds for this content and this key, and for nothing else."""
    signer = Signer(SEED)
    signed = signer.seal(DOCUMENT, "2026-03-01T09:00:00+00:00")
    assert flaws(signed, did=signer.did) == []
    assert flaws({**signed, "said": "no"})
    assert flaws(signed, did=Signer("00" * 32).did)
    assert flaws(DOCUMENT) == ["the receipt is not signed"]
    later = {**signed["proof"], "created": "2027-01-01T00:00:00+00:00"}
    assert flaws({**signed, "proof": later})
    assert flaws({**signed, "proof": {**signed["proof"], "proofValue": "z0OIl"}})


def test_the_key_is_named_as_the_standard_says() -> None:
    """The public key of RFC 8032's first test vector, as a did:key."""
    assert Signer(SEED).did == "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"


def test_signing_is_deterministic() -> None:
    """The same document gives the same bytes, so a replay gives the same receipt."""
    at = "2026-03-01T09:00:00+00:00"
    assert Signer(SEED).seal(DOCUMENT, at) == Signer(SEED).seal(DOCUMENT, at)


@pytest.mark.parametrize("seed", ["", "abc", "zz" * 32, "00" * 31])
def test_a_bad_key_stops_the_start_unseen(seed: str) -> None:
    """The error says what to do and does not show the key."""
    with pytest.raises(ConfigError) as caught:
        Signer(seed)
    assert caught.value.code == "config.bad-value"
    assert not seed or seed not in str(caught.value)
