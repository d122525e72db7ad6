"""Which faults a seed brings, how often, and how often each has really struck."""

from collections import Counter
from random import Random

REQUESTS = ("start", "offsets", "produce", "commit", "read", "ends", "fetch")
"""What a request is for: the producer's start, group offsets, records, the end of a transaction, the restore, ends of logs, inputs."""

KINDS = ("before", "after", "slow", "slow answer")
_FALLIBLE = frozenset({"start", "offsets", "produce", "commit"})


class Faults:
    """The faults of one run. Each seed takes some of them, so that rare ones are not always hidden behind frequent ones."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.struck: Counter[str] = Counter()
        self.is_over = False
        calm = rng.random() < 0.1
        self._errors = {what: 0.0 if calm or rng.random() < 0.5 else rng.uniform(0.002, 0.03) for what in REQUESTS}
        self._slow = 0.0 if calm or rng.random() < 0.5 else rng.uniform(0.002, 0.02)
        self._marker_s = rng.choice((0.002, 0.002, 0.002, 0.05, 0.8))

    def count(self, name: str, by: int = 1) -> None:
        """A fault has struck."""
        self.struck[name] += by

    def strike(self, what: str) -> str:
        """What happens to a request: "none", or one of `KINDS`."""
        rng = self._rng
        if self.is_over:
            return "none"
        kind = "none"
        if what in _FALLIBLE and rng.random() < self._errors[what]:
            kind = rng.choice(("before", "after"))
        elif rng.random() < self._slow:
            kind = rng.choice(("slow", "slow answer"))
        if kind != "none":
            self.count(f"{what}: {kind}")
        return kind

    def delay_s(self, what: str) -> float:
        """How long a slow request takes; some take longer than their sender waits."""
        delay_s = self._rng.choice((0.05, 0.3, 1.2, 4.0))
        if what == "commit" and delay_s > 2.4:
            self.count("commit timed out")
        return delay_s

    def marker_delay_s(self) -> float:
        """From the decision to the control records."""
        return self._rng.uniform(0.001, 0.002 if self.is_over else self._marker_s)

    def hop_s(self) -> float:
        """How long one thread waits for the other."""
        if self.is_over or self._rng.random() > self._slow:
            return 0.002
        self.count("threads: slow")
        return self._rng.choice((0.02, 0.1, 0.4))
