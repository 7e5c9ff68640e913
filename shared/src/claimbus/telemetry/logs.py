"""Structured logs with trace ids, and an allow-list that keeps everything else out.

An event name is a constant and data are fields; a field that the registry does not list is dropped
and only its name is logged. Exceptions leave as the name of their class: a text may repeat input.
"""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from structlog.typing import EventDict, Processor, WrappedLogger

from claimbus.telemetry.registry import LOG_FIELDS

_INTERNAL = {"_record", "_from_structlog"}
_OF_THE_RECORD = _INTERNAL | {"event", "level", "timestamp", "trace_id", "span_id", "service"}
"""Fields that OTLP has a place of its own for; the rest are attributes."""
_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    current = trace.get_current_span().get_span_context()
    if current.is_valid:
        event["trace_id"] = trace.format_trace_id(current.trace_id)
        event["span_id"] = trace.format_span_id(current.span_id)
    return event


def _foreign_name_only(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library's line may hold anything: keep who logged it and the error's class, drop its text."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and not event.get("_from_structlog"):
        event["event"], event["logger"] = "library", record.name
        event.pop("exc_info", None)
        if record.exc_info and record.exc_info[0]:
            event["error_type"] = record.exc_info[0].__name__
    return event


def _allow_list(_logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
    if exc := event.pop("exc_info", None):
        kind = exc[0] if isinstance(exc, tuple) else type(exc) if isinstance(exc, BaseException) else sys.exc_info()[0]
        if kind is not None:
            event["error_type"] = kind.__name__
    dropped = sorted(set(event) - LOG_FIELDS - _INTERNAL)
    for name in dropped:
        del event[name]
    for name, value in event.items():
        if name not in _INTERNAL and not isinstance(value, str | int | float | None):
            event[name] = type(value).__name__  # what a listed field may hold is plain; a repr may tell anything
    if dropped:
        event["dropped"] = dropped
    return event


_sent_to: Logger | None = None


def send(resource: Resource) -> LoggerProvider:
    """From now on send every line to the collector too, as the allow-list leaves it."""
    global _sent_to
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(timeout=5)))
    _sent_to = provider.get_logger("claimbus")
    return provider


def _send(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # The exporter's own complaints would be exported, and complained of.
    if _sent_to is not None and not str(event.get("logger", "")).startswith("opentelemetry"):
        _sent_to.emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_text=str(event["level"]).upper(),
                severity_number=_SEVERITIES.get(event["level"], SeverityNumber.INFO),
                body=event["event"],
                event_name=event["event"],
                attributes={name: value for name, value in event.items() if name not in _OF_THE_RECORD},
            )
        )
    return event


def configure(service: str, level: str = "INFO") -> None:
    """One chain for our lines and for those of libraries: JSON on standard error.

    Raises `ValueError` for a level that logging does not know.
    """
    numeric = logging.getLevelNamesMapping().get(level.upper())
    if numeric is None:
        raise ValueError(f"CLAIMBUS_LOG_LEVEL: {level!r} is not one of {', '.join(logging.getLevelNamesMapping())}")
    ours: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _add_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*ours, _foreign_name_only],
            processors=[
                _allow_list,
                _send,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # A line that cannot be formatted or written is lost; the default would print its arguments instead.
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(numeric, logging.WARNING))
    logging.getLogger("claimbus").setLevel(numeric)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *ours, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def log() -> structlog.typing.FilteringBoundLogger:
    """The logger of Claimbus."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger("claimbus")
    return logger
