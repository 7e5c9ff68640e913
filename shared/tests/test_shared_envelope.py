"""CloudEvents 1.0 on NATS: what is written is read back, and what is broken is named."""

import json
import string
from typing import Any

import pytest
from claimbus.events.envelope import Envelope, EnvelopeError, event_id, read, to_headers
from hypothesis import given
from hypothesis import strategies as st

some_text = st.text(min_size=1)
envelopes = st.builds(
    Envelope,
    id=some_text,
    source=some_text,
    type=some_text,
    time=st.none() | st.text(),
    subject=st.none() | st.text(),
    dataschema=st.none() | st.text(),
    correlationid=st.none() | st.text(),
    causationid=st.none() | st.text(),
    revision=st.none() | st.text(),
)
BINARY = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/ehr", "ce-type": "t"}
ATTRIBUTES: dict[str, Any] = {"specversion": "1.0", "id": "7", "source": "/ehr", "type": "t"}
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}


@given(envelopes, st.binary())
def test_any_text_survives_the_headers(envelope: Envelope, body: bytes) -> None:
    assert read(to_headers(envelope), body) == (envelope, body)


@given(envelopes)
def test_headers_are_printable_ascii_without_space_quote_or_line_break(envelope: Envelope) -> None:
    allowed = set(string.ascii_letters + string.digits + string.punctuation) - {'"'}
    for name, value in to_headers(envelope).items():
        assert set(value) <= allowed, name


def test_what_is_unknown_has_no_header() -> None:
    headers = to_headers(Envelope(id="7", source="/ehr", type="t"))
    assert headers == BINARY | {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("text", "header"),
    [("a b", "a%20b"), ('"', "%22"), ("100%", "100%25"), ("%41", "%2541"), ("Müller", "M%C3%BCller"),
     ("€", "%E2%82%AC"), ("😀", "%F0%9F%98%80"), ("a\r\nX: y", "a%0D%0AX:%20y"), ("/a?b=c&d", "/a?b=c&d")],
)  # fmt: skip
def test_values_are_percent_encoded_as_the_binding_says(text: str, header: str) -> None:
    assert to_headers(Envelope(id="7", source=text, type="t"))["ce-source"] == header


@pytest.mark.parametrize("spell", [str.upper, str.title, str.lower])
def test_header_names_are_read_in_any_case(spell: Any) -> None:
    envelope, _ = read({spell(name): value for name, value in BINARY.items()}, b"")
    assert envelope is not None
    assert (envelope.id, envelope.source, envelope.type) == ("7", "/ehr", "t")


def test_a_message_without_any_attribute_has_no_envelope() -> None:
    assert read(None, b"x") == (None, b"x")
    assert read({}, b"x") == (None, b"x")
    assert read({"Content-Type": "application/json", "Nats-Msg-Id": "1"}, b"x") == (None, b"x")


def test_an_unknown_attribute_is_ignored() -> None:
    assert read(BINARY | {"ce-tenant": "x"}, b"") == read(BINARY, b"")


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_a_missing_attribute_is_named(name: str) -> None:
    with pytest.raises(EnvelopeError, match=f"ce-{name}"):
        read({key: value for key, value in BINARY.items() if key != f"ce-{name}"}, b"{}")
    data = {key: value for key, value in ATTRIBUTES.items() if key != name} | {"data": {}}
    with pytest.raises(EnvelopeError, match=f"ce-{name}"):
        read(STRUCTURED, json.dumps(data).encode())


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_an_empty_attribute_is_named(name: str) -> None:
    with pytest.raises(EnvelopeError, match=f"ce-{name}"):
        read(BINARY | {f"ce-{name}": ""}, b"{}")


@pytest.mark.parametrize("version", ["0.3", "1", "1.0.2", "2.0", ""])
def test_only_version_1_0_is_understood(version: str) -> None:
    with pytest.raises(EnvelopeError, match=r"^ce-specversion: only 1\.0 is understood$"):
        read(BINARY | {"ce-specversion": version}, b"{}")


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(EnvelopeError, match=r"^ce-source: not UTF-8"):
        read(BINARY | {"ce-source": "%FF"}, b"{}")


def test_an_error_repeats_nothing_that_stood_in_the_envelope() -> None:
    with pytest.raises(EnvelopeError) as refused:
        read(STRUCTURED, json.dumps(ATTRIBUTES | {"id": ["canary"], "subject": {"canary": 1}, "data": {}}).encode())
    assert str(refused.value).startswith("ce-id, ce-subject: ")
    assert "canary" not in str(refused.value)


def test_a_structured_event_is_the_same_event() -> None:
    data = {"a": [1, None, "é"], "charge": "120.00"}
    envelope, body = read(STRUCTURED, json.dumps(ATTRIBUTES | {"data": data, "extra": 1}).encode())
    assert envelope == read(BINARY, b"")[0]
    assert json.loads(body) == data


def test_the_content_type_of_a_structured_event_is_read_in_any_case() -> None:
    envelope, body = read(
        {"CONTENT-TYPE": "Application/CloudEvents+JSON"}, json.dumps(ATTRIBUTES | {"data": 1}).encode()
    )
    assert envelope is not None
    assert body == b"1"


@pytest.mark.parametrize(
    ("body", "named"),
    [(b"", "body"), (b"{", "body"), (b"[]", "body"), (b"null", "body"), (json.dumps(ATTRIBUTES).encode(), "data")],
)
def test_a_structured_event_that_cannot_be_read_says_why(body: bytes, named: str) -> None:
    with pytest.raises(EnvelopeError, match=f"^{named}: "):
        read(STRUCTURED, body)


def test_the_content_type_survives_the_headers() -> None:
    envelope = Envelope(id="7", source="/ehr", type="t", datacontenttype="application/fhir+json")
    assert read(to_headers(envelope), b"")[0] == envelope


def test_an_event_id_never_changes() -> None:
    assert event_id("claim", "p", "v", 1) == event_id("claim", "p", "v", 1) == "f8311c53-53c2-57d9-9fd1-9c16803f3506"


parts = st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x1f")), min_size=1, max_size=4)


@given(parts, parts)
def test_an_event_id_differs_where_a_part_does(first: list[str], second: list[str]) -> None:
    assert (event_id(*first) == event_id(*second)) is (first == second)


@given(parts, st.data())
def test_an_event_id_depends_on_each_part(first: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(first) - 1))
    assert event_id(*first) != event_id(*first[:place], first[place] + "x", *first[place + 1 :])
