"""What `scripts/evaluate` runs: how good the models are, on real data, with the stream's own code."""
