"""What a customer is worth over a lifetime, and labels that are revised as evidence of it matures."""
