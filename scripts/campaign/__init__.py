"""What `scripts/faults` runs: real workers on a real broker, one fault after another, and what is left of the truth.

`stream` makes the events, `lab` runs workers over them, `faults` breaks things, `truth` says what an
uninterrupted run gives, `verdict` compares.
"""
