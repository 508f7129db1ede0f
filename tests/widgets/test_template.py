"""A form made from the schema of an endpoint's template: it says what the schema says, and reads what was typed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisteer_widgets.view_models.template import MORE, fields, read, watch_roles

FACILITY = {
    "type": "object",
    "required": ["account"],
    "properties": {
        "role": {"enum": ["compute", "watch"]},
        "worker_init": {"type": "string", "description": "Shell lines"},
        "walltime": {"type": "string", "pattern": "^[0-9]{2}:[0-5][0-9]:[0-5][0-9]$"},
        "nodes": {"$ref": "#/$defs/nodes"},
        "queue": {"anyOf": [{"enum": ["debug", "regular"]}, {"type": "null"}]},
        "exclusive": {"type": "boolean", "default": False},
        "account": {"type": "string"},
        "mounts": {"type": "array"},
    },
    "$defs": {"nodes": {"type": "integer", "minimum": 1, "maximum": 128, "default": 1}},
    "additionalProperties": False,
}


def one(name, schema=FACILITY):
    return next(field for field in fields(schema) if field.name == name)


def test_what_a_batch_job_is_asked_for_with_comes_first_and_the_watchers_role_is_no_setting_of_a_run():
    assert [f.name for f in fields(FACILITY)] == [
        *("account", "queue", "nodes", "walltime"),
        *("worker_init", "exclusive", "mounts"),
    ]
    assert watch_roles(FACILITY) == ({"role": "watch"},)


def test_a_field_says_what_may_stand_in_it():
    assert one("account").required
    assert (one("nodes").form, one("nodes").limits) == ("integer", "whole number, 1 to 128")
    assert one("nodes").default == "1"
    assert one("queue").options == (('"debug"', "debug"), ('"regular"', "regular"))
    assert one("exclusive").options == (("true", "yes"), ("false", "no"))
    assert (one("mounts").form, one("worker_init").about) == ("json", "Shell lines")


def test_what_was_typed_is_read_with_its_type_and_what_was_not_is_left_to_the_endpoint():
    typed = {"account": " chem ", "nodes": "4", "queue": '"debug"', "exclusive": "true", "mounts": '["/a"]'}
    assert read(fields(FACILITY), typed) == (
        {"account": "chem", "nodes": 4, "queue": "debug", "exclusive": True, "mounts": ["/a"]},
        {},
    )


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("account", "", "The endpoint needs this."),
        ("nodes", "four", "whole number is needed"),
        ("nodes", "129", "1 to 128"),
        ("walltime", "an hour", "of the form"),
        ("queue", '"fast"', "none of what the endpoint offers"),
        ("mounts", '{"a": 1}', "JSON array"),
        ("mounts", "/a", "no JSON"),
    ],
)
def test_what_cannot_be_meant_is_said_beside_the_field(name, text, words):
    said, wrong = read(fields(FACILITY), {"account": "chem", name: text})
    assert words in wrong[name]
    assert name not in said


def test_a_template_that_takes_more_than_it_names_gets_a_field_for_the_rest():
    known = fields({"properties": {"account": {"type": "string"}}})
    assert [f.name for f in known] == ["account", MORE]
    assert read(known, {"account": "chem", MORE: '{"qos": "low"}'})[0] == {"account": "chem", "qos": "low"}
    assert "JSON object" in read(known, {MORE: "[1]"})[1][MORE]


def test_what_is_required_and_has_a_default_is_sent_as_it_stands():
    schema = {"required": ["nodes"], "properties": {"nodes": {"type": "integer", "default": 2}}}
    assert read(fields(schema), {}) == ({"nodes": 2}, {})


def test_a_pattern_that_could_try_for_ever_is_shown_and_left_to_the_endpoint():
    schema = {"properties": {"trap": {"type": "string", "pattern": "^(a+)+$"}}}
    assert read(fields(schema), {"trap": "a" * 60 + "b"})[0] == {"trap": "a" * 60 + "b"}
    assert "(a+)+" in one("trap", schema).limits


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
words = st.sampled_from(
    ["type", "enum", "const", "anyOf", "pattern", "minimum", "maxLength", "default", "$ref", "description"]
)
settings_of = st.dictionaries(words, anything | st.sampled_from(["integer", "string", "boolean"]), max_size=6)
schemas = anything | st.fixed_dictionaries(
    {"properties": st.dictionaries(st.text(max_size=6), settings_of, max_size=4)},
    optional={"required": anything, "additionalProperties": anything},
)


@given(schemas, st.text(max_size=12))
def test_whatever_an_endpoint_says_there_is_a_form_and_it_can_be_read(schema, text):
    known = fields(schema)
    said, wrong = read(known, {field.name: text for field in known})
    json.dumps(said)
    assert not set(said) & set(wrong)
    watch_roles(schema)
