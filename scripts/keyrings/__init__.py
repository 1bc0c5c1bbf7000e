"""What `scripts/keys` runs: master keys and key rings."""
