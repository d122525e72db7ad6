"""`make setup` runs this: fetch Kafka, have Java learn it, and make the events of the data set, so that the demo needs no network."""

import sys

from stream_app.demo.aot import make_aot_cache
from stream_app.demo.dataset import NAME, events_file
from stream_app.demo.jars import classpath
from stream_app.errors import StreamAppError
from stream_app.settings import load_settings


def main() -> int:
    """Prepare; returns the exit status, after one line that says what is wrong."""
    try:
        cache_dir = load_settings().cache_dir
        classpath(cache_dir)
        make_aot_cache(cache_dir)
        events_file(NAME, cache_dir)
    except (StreamAppError, OSError) as error:
        sys.stderr.write(f"stream-app: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
