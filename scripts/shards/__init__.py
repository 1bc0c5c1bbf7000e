"""What `scripts/state` runs: the state of workers kept safe, checked and read."""
