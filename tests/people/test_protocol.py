"""What a page sends is a message, or it is told why it is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction.people.protocol import KINDS, Message, ProtocolError, read

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner), max_leaves=9
)
NAMES = st.sampled_from(
    ["type", "epoch", "sequence", "round", "payload", "at", "action", "shown", "what", "values", "step"]
)
TYPES = st.sampled_from(["hello", "ping", *KINDS, "shout"])


@given(st.text() | st.binary())
def test_what_is_no_message_is_a_protocol_error(text):
    with pytest.raises(ProtocolError):
        read(text)


@given(TYPES, st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES)))
def test_whatever_comes_is_a_message_or_a_protocol_error(kind, members):
    told = None
    try:
        message = read(json.dumps(members | {"type": kind}))
    except ProtocolError as error:
        told = str(error)
    if told is not None:
        assert "\n" not in told
        assert len(told) < 300
        return
    assert message.type == kind
    assert message.epoch is None or message.epoch >= 0
    assert kind not in KINDS or message.sequence >= 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, "expected JSON"),
        ("9" * 5_000, "expected JSON"),
        ('{"type": "ping", "at": 1e999}', "expected JSON"),
        ('{"type": "ping", "at": true}', "at: expected a number"),
        ('{"type": "ping", "at": 1e17}', "at: expected a number"),
        ('{"type": "action", "epoch": 1, "sequence": 0, "payload": {"action": 1e999}}', "expected JSON"),
        (
            '{"type": "noted", "epoch": 1, "sequence": 0, "payload": {"what": "x", "value": "%s"}}'
            % ("x" * 1_000),
            "value: expected at most 1,000 characters",
        ),
        ('{"type": "ping", "at": 10e307, "x": 1}', "ping: there is no 'x'"),
        ('{"type": "ping", "at": 1' + "0" * 400 + "}", "at: expected a number"),
        ('{"type": "hello", "epoch": 1.0}', "epoch: expected a whole number"),
        ('{"type": "hello", "epoch": 99999999999}', "epoch: expected a whole number"),
        ('{"type": "action", "epoch": 1, "sequence": 0, "payload": {"action": NaN}}', "expected JSON"),
        (
            '{"type": "action", "epoch": 1, "sequence": 0, "payload": {}}',
            "payload of action: action is missing",
        ),
        (
            '{"type": "action", "epoch": 1, "sequence": 0, "payload": {"action": 1, "digest": ""}}',
            "no 'digest'",
        ),
        (
            '{"type": "action", "epoch": null, "sequence": 0, "payload": {"action": 1}}',
            "epoch: expected a whole",
        ),
        ('{"type": "action", "sequence": 0, "payload": {"action": 1}}', "epoch: expected a whole number"),
        ('{"type": "noted", "epoch": 1, "sequence": 0, "payload": {"what": 3}}', "what: expected a str"),
        (
            '{"type": "noted", "epoch": 1, "sequence": 0, "payload": {"what": "%s"}}' % ("x" * 99),
            "at most 40",
        ),
        (
            '{"type": "answer", "epoch": 1, "sequence": 0, "payload": {"values": []}}',
            "values: expected a dict",
        ),
        (
            f'{{"type": "action", "epoch": 1, "sequence": 0, "payload": {{"action": {"[" * 40}{"]" * 40}}}}}',
            "action: expected at most 20 levels",
        ),
        ('{"type": "began", "epoch": 1, "sequence": 0, "payload": {}}', "type: expected one of hello, ping"),
        ('{"type": "ended", "epoch": 1, "sequence": 0, "payload": {}}', "type: expected one of hello, ping"),
    ],
)
def test_what_is_wrong_is_named(text, told):
    with pytest.raises(ProtocolError) as raised:
        read(text)
    assert told in str(raised.value)


def test_what_is_right_is_read():
    message = {"type": "answer", "epoch": 2, "sequence": 5, "round": None, "payload": {"values": {"ease": 3}}}
    assert read(json.dumps(message)) == Message("answer", 2, 5, None, {"values": {"ease": 3}})


@pytest.mark.parametrize("text", ["\\ud83d", "a\\ude00b", "\\ud83d\\ud83d"])
def test_half_a_character_which_no_file_can_hold_is_read_as_one_that_is_not_known(text):
    values = '{"why": "TEXT \\ud83d\\ude00"}'.replace("TEXT", text)
    message = read(f'{{"type": "answer", "epoch": 1, "sequence": 0, "payload": {{"values": {values}}}}}')
    why = message.payload["values"]["why"]
    assert why.encode()
    assert why.count("\ufffd") == text.count("ud")
    assert why.endswith(" 😀")
