"""Which shard a customer belongs to, as Kafka's Java clients have it by default."""

from functools import lru_cache

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 as Kafka seeds it, unsigned 32 bits.

    Example:
        >>> murmur2(b"abc")
        479470107

    Source: Appleby, MurmurHash2; Apache Kafka, org.apache.kafka.common.utils.Utils.murmur2.
    """
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ (k >> 24)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, *, partitions: int) -> int:
    """The partition that Kafka's default partitioner puts a key on."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def shard_of(customer: str, *, shards: int) -> int:
    """The partition that a customer's records are on.

    Example:
        >>> shard_of("c-1", shards=1)
        0
    """
    return partition_of(customer.encode(), partitions=shards)
