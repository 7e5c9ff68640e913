"""Spans in a file, as OTLP in JSON, one request a line: traces where there is no collector.

The encoding is the exporter's own. OTLP differs from protobuf's JSON in one thing: ids are hexadecimal.
"""

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_MOST_BYTES = 64 << 20
"""After which a file is put aside, in place of the one that was put aside before: some 10,000 visits each."""
_MOST_FILES = 16
"""Of one service that are left when a process starts: those of earlier ones, and of other replicas."""
_IDS = ("traceId", "spanId", "parentSpanId")


class FileExporter(SpanExporter):
    """Appends to one file of a process in a folder, and keeps at most two of them."""

    def __init__(self, folder: Path, service: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        by_age = sorted(folder.glob(f"{service}-*.jsonl"), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-_MOST_FILES]:
            old.unlink(missing_ok=True)
        self._path = folder / f"{service}-{os.getpid()}.jsonl"

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        request = MessageToDict(encode_spans(spans))
        for resource in request["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    _spell_ids(span)
                    for link in span.get("links", ()):
                        _spell_ids(link)
        try:
            if self._path.exists() and self._path.stat().st_size > _MOST_BYTES:
                self._path.replace(self._path.with_suffix(".before.jsonl"))
            with self._path.open("a") as file:
                file.write(json.dumps(request, separators=(",", ":")) + "\n")
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def _spell_ids(part: dict[str, Any]) -> None:
    for name in _IDS:
        if name in part:
            part[name] = base64.b64decode(part[name]).hex()
