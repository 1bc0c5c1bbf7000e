"""The choice among estimates of less and less variance and more and more bias.

In: Estimates. Out: the one whose error is least, as far as the log can tell.
"""

from collections.abc import Sequence
from dataclasses import replace

from operators.ope.estimators import Estimate
from operators.ope.intervals import bias_bound, standard_error
from schemas.models import Integers


def choose(estimates: Sequence[Estimate], clusters: Integers | None = None) -> Estimate:
    """The one of least estimated mean squared error; the first of equals.

    Bias is seen as the distance from the first, unbiased one. Both rest on the same decisions, so that the
    noise of the distance is that of the terms' differences, which is small where the two are nearly one:
    max(d² − se(d)², 0) + se².

    Args:
        estimates: From the least biased to the one of least variance.
        clusters: Decisions of one number may depend on each other.

    Returns:
        The chosen one, with the bias that the log can't exclude.

    Source: Su, Dimakopoulou, Krishnamurthy & Dudík 2020, "Doubly robust off-policy evaluation with shrinkage",
        section 5 (model selection by estimated bias and variance), with the bias paired.
    """
    first = estimates[0]
    best, least = first, float("inf")
    for estimate in estimates:
        bias = estimate.value - first.value
        noise = standard_error(estimate.terms - first.terms, clusters)
        error = max(bias**2 - noise**2, 0.0) + standard_error(estimate.terms, clusters) ** 2
        if error < least:
            best, least = estimate, error
    if best is first:
        return first
    return replace(best, bias=bias_bound(best.terms - first.terms, clusters))
