"""A clock that a test drives."""


class Clock:
    """Shows what a test has set, or what it began with."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s
