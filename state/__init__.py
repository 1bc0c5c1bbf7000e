"""Bytes: what is kept of each customer and shard, and how it survives. Knows shapes, not meaning.

`state.directory.open_shards` opens the stores of a worker; `state.store` says what a store promises;
`state.memory` is the twin for tests. `state.rocks` and its engine alone know RocksDB.
"""
