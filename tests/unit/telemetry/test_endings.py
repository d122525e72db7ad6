"""Fatal errors are counted over the end of the process that they have ended."""

from pathlib import Path

from stream_app.errors import FatalError, PositionError, UnitError
from stream_app.telemetry.endings import KINDS, OTHER, Endings
from stream_app.telemetry.metrics import Metrics


def test_endings_are_counted_by_kind_and_found_by_the_next_process(tmp_path: Path) -> None:
    for error in (UnitError("a"), UnitError("b"), PositionError("c"), ValueError("customer-42"), AssertionError()):
        Endings(tmp_path).add(error)
    counts = Endings(tmp_path).read()
    assert counts == {"UnitError": 2, "PositionError": 1, OTHER: 2}
    assert all("customer-42" not in file.read_text() for file in tmp_path.iterdir())
    metrics = Metrics()
    metrics.endings(counts)
    shown = {kind: metrics.registry.get_sample_value("customer_status_fatal_errors_total", {"error": kind}) for kind in KINDS}
    assert shown == {**dict.fromkeys(KINDS, 0.0), "UnitError": 2.0, "PositionError": 1.0, OTHER: 2.0}


def test_every_fatal_error_has_a_name_of_its_own() -> None:
    assert set(KINDS) == {OTHER, *(kind.__name__ for kind in FatalError.__subclasses__())}


def test_a_file_that_cannot_be_read_or_written_hinders_nobody(tmp_path: Path) -> None:
    file = tmp_path / "fatal-errors.json"
    for broken in ("", "[1]", '{"UnitError": "many"}', '{"SomebodyElsesError": 3}'):
        file.write_text(broken)
        assert Endings(tmp_path).read() == {}
    Endings(tmp_path / "nowhere").add(UnitError("a"))
    assert not (tmp_path / "nowhere").exists()
