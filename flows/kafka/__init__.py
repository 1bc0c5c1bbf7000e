"""Everything that speaks Kafka: source, sink, topics, control topics. Only here is confluent_kafka imported."""
