"""The feature store for others: reads beside the workers, reads of the past, training sets, a standing check."""
