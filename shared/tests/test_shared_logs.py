"""Log lines: only what the registry lists, and of an error only its class."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from claimbus.telemetry import logs
from claimbus.telemetry.logs import log
from claimbus.telemetry.registry import LOG_FIELDS
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

CANARY = "Zebulon-Quartz-4711"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("claimbus")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], root.level, ours.level = before[0], before[1], before[2]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def start(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Configures logging; what it returns gives the lines written since, after a look for what must not be there."""
    logs.configure("units", "DEBUG")

    def read() -> list[dict[str, Any]]:
        out, err = capsys.readouterr()
        assert out == ""
        assert CANARY not in err
        written = [json.loads(line) for line in err.splitlines()]
        assert all(set(line) <= LOG_FIELDS for line in written)
        return written

    return read


def test_a_line_says_what_when_how_bad_and_which_service(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    log().info("claim.published", outcome="ready", revision=2)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "claim.published", "level": "info", "service": "units", "outcome": "ready", "revision": 2}


def test_a_field_that_is_not_listed_is_dropped_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    log().warning("x", patient=CANARY, visit="p.v", narrative={"text": CANARY})
    (line,) = lines()
    assert line["dropped"] == ["narrative", "patient"]
    assert line["visit"] == "p.v"


def test_what_is_bound_to_the_context_is_dropped_alike(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    with structlog.contextvars.bound_contextvars(visit="p.v", name=CANARY):
        log().info("x")
    (line,) = lines()
    assert (line["visit"], line["dropped"]) == ("p.v", ["name"])


def raise_canary() -> None:
    raise LookupError(CANARY)


def test_an_exception_leaves_only_its_class(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    try:
        raise_canary()
    except LookupError as exc:
        log().exception("first")
        log().error("second", exc_info=exc)
        log().error("third", exc_info=(type(exc), exc, exc.__traceback__))
        log().error("fourth", exc_info=True, stack_info=True)
    written = lines()
    assert [line["event"] for line in written] == ["first", "second", "third", "fourth"]
    assert {line["error_type"] for line in written} == {"LookupError"}


def test_exc_info_without_an_exception_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    log().error("x", exc_info=True)
    assert "error_type" not in lines()[0]


def test_a_librarys_line_leaves_its_name_only(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    logging.getLogger("some.library").warning("read %s", CANARY)
    logging.getLogger("some.library").error(CANARY, extra={"patient": CANARY}, stack_info=True)
    for line in lines():
        line.pop("timestamp")
        assert line.pop("level") in ("warning", "error")
        assert line.pop("dropped", ["stack_info"]) == ["stack_info"]
        assert line == {"event": "library", "logger": "some.library", "service": "units"}


def test_a_librarys_exception_leaves_its_class_only(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    try:
        raise_canary()
    except LookupError:
        logging.getLogger("some.library").exception(CANARY)
    (line,) = lines()
    assert (line["event"], line["error_type"]) == ("library", "LookupError")


def test_a_librarys_line_that_cannot_be_formatted_leaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    logging.getLogger("some.library").warning("%d", CANARY)
    lines()


def test_an_exception_in_a_listed_field_leaves_only_its_class(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    log().warning("x", why=LookupError(CANARY))
    lines()


def test_a_line_that_cannot_be_written_leaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    (handler,) = (handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler)
    handler.setStream(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    handler.stream.close()
    log().warning("x", patient=CANARY)
    lines()


def test_a_line_within_a_span_has_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    lines = start(capsys)
    context = SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        log().info("x")
        logging.getLogger("some.library").warning("y")
    log().info("z")
    first, second, outside = lines()
    assert first["trace_id"] == second["trace_id"] == f"{0xABC:032x}"
    assert first["span_id"] == f"{0xDEF:016x}"
    assert "trace_id" not in outside


def test_the_level_is_ours_and_libraries_speak_up_from_warning(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("units", "info")
    log().debug("unheard")
    logging.getLogger("some.library").info("unheard")
    log().info("received")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["received"]


def test_an_unknown_level_is_refused_by_its_variable() -> None:
    with pytest.raises(ValueError, match=r"^CLAIMBUS_LOG_LEVEL: 'LOUD' is not one of "):
        logs.configure("units", "LOUD")
