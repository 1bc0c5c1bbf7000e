"""Wiring: settings, decoding, Kafka and Bytewax around the pure logic in `operators`. Imports all."""
