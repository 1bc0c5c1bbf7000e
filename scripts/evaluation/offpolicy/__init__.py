"""Logs on which `scripts/evaluate ope` judges policies: recorded, published, made from tables, simulated."""
