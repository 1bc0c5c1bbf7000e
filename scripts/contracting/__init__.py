"""What `scripts/contracts` runs: the contract of the topics as a document, and what would break it."""
