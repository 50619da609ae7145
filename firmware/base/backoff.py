"""How long to wait before trying again."""

import random


def full_jitter_s(attempt: int, *, base_s: float, cap_s: float, rng: random.Random | None = None) -> float:
    """Return seconds to wait before retry number `attempt` (0 is the first): exponential, with full jitter.

    A thousand handsets that lost the same server come back spread over the whole interval rather than in step
    (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    ceiling_s = min(cap_s, base_s * 2.0 ** min(attempt, 32))
    return (rng or random).uniform(0.0, ceiling_s)
