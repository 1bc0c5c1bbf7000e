"""What `scripts/cluster` runs: workers on one machine."""
