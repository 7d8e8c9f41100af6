"""Checksums against known values, and combined ones against those of the whole."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.objects.checksums import (
    ALGORITHMS,
    COMPOSITE,
    FULL_OBJECT,
    Digests,
    combined,
    multipart_etag,
)
from kit.objects.errors import BadRequest

# Of b"123456789", the usual check value of each algorithm's catalogue.
CHECK = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}


def value(algorithm: str, data: bytes) -> str:
    digests = Digests([algorithm])
    digests.update(data)
    return digests.value(algorithm)


@pytest.mark.parametrize("algorithm", CHECK)
def test_crcs_have_their_catalogue_values(algorithm: str) -> None:
    assert base64.b64decode(value(algorithm, b"123456789")).hex() == CHECK[algorithm]


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512", "MD5"])
def test_hashes_are_those_of_hashlib(algorithm: str) -> None:
    whole = hashlib.new(algorithm.lower(), b"data").digest()
    assert base64.b64decode(value(algorithm, b"data")) == whole


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(pieces=st.lists(st.binary(max_size=50), max_size=5))
def test_pieces_digest_as_the_whole(algorithm: str, pieces: list[bytes]) -> None:
    digests = Digests([algorithm])
    for piece in pieces:
        digests.update(piece)
    assert digests.value(algorithm) == value(algorithm, b"".join(pieces))
    assert digests.size == sum(map(len, pieces))


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
@given(parts=st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_full_object_crcs_follow_from_the_parts(algorithm: str, parts: list[bytes]) -> None:
    known = [(value(algorithm, part), len(part)) for part in parts]
    whole = combined(algorithm, FULL_OBJECT, known)
    assert whole.value == value(algorithm, b"".join(parts))


def test_composite_checksums_hash_the_parts_digests() -> None:
    known = [(value("SHA256", part), len(part)) for part in (b"a", b"b")]
    inner = hashlib.sha256(b"a").digest() + hashlib.sha256(b"b").digest()
    outer = base64.b64encode(hashlib.sha256(inner).digest()).decode()
    assert combined("SHA256", COMPOSITE, known).value == f"{outer}-2"


def test_a_multipart_etag_is_the_md5_of_md5s() -> None:
    md5s = [hashlib.md5(part).hexdigest() for part in (b"a", b"b")]
    whole = hashlib.md5(bytes.fromhex("".join(md5s))).hexdigest()
    assert multipart_etag(md5s) == f"{whole}-2"


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(BadRequest, match="ADLER32"):
        Digests(["ADLER32"])
