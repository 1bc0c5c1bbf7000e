"""What `scripts/faults` runs: real workers on a real broker, one fault after another, and what is left of the truth.

`stream` makes the events, `lab` runs workers over them, `faults` breaks things, `truth` says what an
uninterrupted run gives, `verdict` compares. Workers are started as an operator does it in the whole campaign,
and forked off one process that has loaded the product in the short one (`births`, `nursery`).
"""
