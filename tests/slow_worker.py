"""The toy worker, slowed down where the environment says: a restore in small sips, or a fold that takes its time.

`STREAM_APP_SLOW_RESTORE_MS`: how long each sip of a restore takes, `STREAM_APP_SLOW_FOLD_MS`: how long each unit of work takes.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence

from stream_app.engine import takeover
from stream_app.engine.fold import Decoded, Unit
from stream_app.engine.stores.store import Store
from tests import toy, toy_worker

SIP = 200
restore_s = float(os.environ.get("STREAM_APP_SLOW_RESTORE_MS", "0")) / 1000
fold_s = float(os.environ.get("STREAM_APP_SLOW_FOLD_MS", "0")) / 1000
apply = takeover._apply


class SlowProcessor(toy.ToyProcessor):
    """The toy, and a rest after each unit of work."""

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> Iterator[None]:
        """Count and sum, then rest."""
        yield from super().fold(batch, unit)
        time.sleep(fold_s)


def slowly(store: Store, records: Sequence[object], position: int) -> None:
    """Rest, then apply."""
    time.sleep(restore_s)
    apply(store, records, position)


if __name__ == "__main__":
    if restore_s:
        takeover._RECORDS_MAX, takeover._apply = SIP, slowly
    sys.exit(toy_worker.main(SlowProcessor))
