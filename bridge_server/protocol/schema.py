"""The messages as JSON Schema, for hosts in other languages: `python -m bridge_server.protocol.schema` writes it.

Not part of the service. It writes `schema.json` and the golden examples, `vectors.json`, beside PROTOCOL.md.
"""

import json
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.asked import FromClient
from bridge_server.protocol.told import FromService
from bridge_server.protocol.vectors import vectors

SCHEMA, VECTORS = (Path(__file__).with_name(name) for name in ("schema.json", "vectors.json"))

_REFERENCE = "#/$defs/{model}"
_PARTS: dict[tuple[type[BaseModel], str], type[BaseModel]] = {
    (m.JobSubmit, "params"): m.JobParams,
    (m.JobRerun, "changes"): m.Changes,
}
"""Members that travel as they came, and the models that they must fit."""


def schema() -> m.JsonObject:
    """`ClientMessage` and `ServerMessage`, each a choice of envelopes, and the parts that they are made of.

    The host must send no member that is not here, and may get some from a newer bridge.
    """
    defs: m.JsonObject = {}
    for part in _PARTS.values():
        _define(defs, part, "validation")
    for name, union, mode in _UNIONS:
        kinds: tuple[type[FromClient | FromService], ...] = get_args(get_args(union)[0])
        for kind in kinds:
            flat = _define(defs, kind, mode)
            defs[kind.__name__] = _enveloped(kind, flat)
        defs[name] = {"oneOf": [{"$ref": _REFERENCE.format(model=kind.__name__)} for kind in kinds]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Videoshop Bridge protocol, version {limits.PROTOCOL}",
        "$defs": dict(sorted(defs.items())),
    }


_Mode = Literal["validation", "serialization"]
_UNIONS: tuple[tuple[str, object, _Mode], ...] = (
    ("ClientMessage", m.ClientMessage, "validation"),
    ("ServerMessage", m.ServerMessage, "serialization"),
)


class _Members(GenerateJsonSchema):
    """Members without titles, which would only be their names; the service always sends all that it knows."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def _define(defs: m.JsonObject, model: type[BaseModel], mode: _Mode) -> m.JsonObject:
    """The model's own schema, which is put under its name like those of its parts."""
    flat = model.model_json_schema(ref_template=_REFERENCE, mode=mode, schema_generator=_Members)
    defs |= flat.pop("$defs", {})
    defs[model.__name__] = flat
    return flat


def _enveloped(kind: type[FromClient | FromService], flat: m.JsonObject) -> m.JsonObject:
    """The schema of a flat model as the message travels: envelope outside, everything else in `data`."""
    members, required = dict(flat["properties"]), set(flat.get("required", ()))
    for (owner, name), part in _PARTS.items():
        if owner is kind:
            members[name] = {"$ref": _REFERENCE.format(model=part.__name__)}
    envelope: m.JsonObject = {"v": {"const": limits.PROTOCOL}}
    envelope |= {name: _present(members.pop(name)) for name in tuple(members) if name in kind.enveloped}
    data = {"type": "object", "properties": members, "required": sorted(required & members.keys())}
    data |= {name: flat[name] for name in ("additionalProperties",) if name in flat}
    return {
        **{name: flat[name] for name in ("description",) if name in flat},
        "type": "object",
        "properties": {**envelope, "data": data},
        "required": ["v", *sorted(envelope.keys() - {"v", "re"}), "data"],
        "additionalProperties": False,
    }


def _present(member: m.JsonObject) -> m.JsonObject:
    """A member of the envelope: it is there with a value, or it is not there."""
    choices = [choice for choice in member.get("anyOf", [member]) if choice != {"type": "null"}]
    return {name: value for name, value in choices[0].items() if name != "default"}


def written(value: m.JsonObject) -> str:
    """JSON as it is checked in."""
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(written(schema()), encoding="utf-8")
    VECTORS.write_text(written(vectors()), encoding="utf-8")
