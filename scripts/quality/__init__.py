"""What keeps the code good: the static checks and the tests."""
