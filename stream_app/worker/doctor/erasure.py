"""The erasure key: without it no customer can be erased."""

from stream_app.errors import ConfigError
from stream_app.settings import Settings, read_erasure_key
from stream_app.worker.doctor.findings import Finding


def check_erasure(settings: Settings) -> Finding:
    """Whether a worker with these settings could erase a customer; a key that cannot be used stops it."""
    try:
        key = read_erasure_key(settings)
    except ConfigError as error:
        return Finding("erasure", "failed", str(error))
    if key is None:
        missing = "no erasure key is set, so that every customer.erased becomes a dead letter erasure_key_missing"
        return Finding("erasure", "warning", f"{missing}: set STREAM_APP_ERASURE_KEY or STREAM_APP_ERASURE_KEY_FILE for all workers")
    return Finding("erasure", "ok", "an erasure key is set")
