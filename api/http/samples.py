"""Worked examples of bodies, made of their JSON schemas.

A value is the schema's own example, default or first choice; else what stands for its name in
`_BY_NAME`; else a value of its type. Names and numbers are fictional.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

Schema = Mapping[str, Any]

_SOME_ID: Final = "06gv3x6s2k9m4t8q1w5z7b0c3d"
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application": "app",
        "applicant": "per",
        "person": "stf",
        "element": "elt",
        "decision": "dec",
        "offer": "off",
        "line": "lin",
        "quote": "quo",
        "drawdown": "dra",
        "loan": "loa",
        "repayment": "rep",
        "event": "evt",
        "task": "act",
        "message": "msg",
        "analysis": "ana",
        "deputy": "stf",
        "deputyship": "dep",
        "user": "per",
        "plan": "loa",
        "payoff": "loa",
    }
)
"""The beginning of an id by the word before `_id`, or by the first word of who has an `id`."""

# The smallest picture that is taken: white, 64 pixels a side.
_PICTURE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQAAAACCEkxzAAAAFElEQVR42mP8zwABTAyjjFEGyQwAzx8Bf7QK4E8AAAAA"
    "SUVORK5CYII="
)
_BY_NAME: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "name": "张伟",
        "identity_number": "11010519491231002X",
        "mobile": "13800138000",
        "card_number": "6222020200112233446",
        "address": "北京市朝阳区建国路一号",
        "employer": "演示公司",
        "employer_address": "北京市朝阳区建国路一号",
        "email": "someone@example.com",
        "amount": 1_000_000,
        "currency": "CNY",
        "product": "cash",
        "channel": "app",
        "instalments": 12,
        "annual_rate": "24",
        "penalty_annual_rate": "24",
        "customer_reference": "customer-1",
        "code": "cash",
        "kind": "product",
        "state_seq": 4,
        "version": 1,
        "plan_hash": "0" * 64,
        "text_sha256": "0" * 64,
        "sha256": "0" * 64,
        "hash": "0" * 64,
        "reason": "checked by telephone",
        "note": "checked by telephone",
        "year": 2027,
        "every": 1,
        "unit": 1,
        "key": "evt-1",
        "reverses": "evt-1",
        "event_id": "evt-1",
        "order_no": "D-1",
        "front": _PICTURE,
        "back": _PICTURE,
        "actions": ["neutral", "blink", "nod"],
        "frames": [_PICTURE] * 3,
        "bank_code": "ICBC",
        "place": "演示商店",
        "registration_number": "91000000000006007L",
        "employer_telephone": "010-65001234",
        "monthly_income": 1_200_000,
    }
)
_BY_FORMAT: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "date": "2027-03-15",
        "date-time": "2027-03-15T04:00:00Z",
        "base64": _PICTURE,
        "decimal": "24",
        "fraction": "1/12",
    }
)
_DEEPEST: Final = 8


def sample_of(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """Return an example of a value that a schema describes; `schemas` are those it refers to."""
    return _sample(schema, schemas, name="", owner="", depth=0)


def variants_of(schema: Schema, schemas: Mapping[str, Schema]) -> Iterator[tuple[str, Any]]:
    """Yield an example of each form that a body or an item of its lists can take, with its name.

    The forms are those that a field such as `kind` tells apart; most bodies have none.
    """
    schema = _resolved(schema, schemas)
    forms = schema.get("discriminator", {}).get("mapping", {})
    for form, reference in forms.items():
        yield form, _sample({"$ref": reference}, schemas, name="", owner="", depth=0)
    for part in schema.get("properties", {}).values():
        if part.get("type") == "array":
            yield from variants_of(part.get("items", {}), schemas)


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _sample(
    schema: Schema, schemas: Mapping[str, Schema], *, name: str, owner: str, depth: int
) -> Any:
    if "$ref" in schema:
        owner = schema["$ref"].rpartition("/")[2]
        schema = _resolved(schema, schemas)
    if "const" in schema:
        return schema["const"]
    if examples := schema.get("examples"):
        return examples[0]
    if choices := schema.get("enum"):
        return choices[0]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return _sample(schema[several][0], schemas, name=name, owner=owner, depth=depth)
    if "properties" in schema and depth < _DEEPEST:
        return {
            part: _sample(of, schemas, name=part, owner=owner, depth=depth + 1)
            for part, of in schema["properties"].items()
        }
    if name in _BY_NAME and schema.get("type") == _type_of(_BY_NAME[name]):
        return _BY_NAME[name]
    return _of_type(schema, schemas, name=name, owner=owner, depth=depth)


def _of_type(
    schema: Schema, schemas: Mapping[str, Schema], *, name: str, owner: str, depth: int
) -> Any:
    match schema.get("type"):
        case "array" if depth < _DEEPEST:
            items = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
            count = max(1, schema.get("minItems", 1))
            return [_sample(items, schemas, name="", owner=owner, depth=depth + 1)] * count
        case "array":
            return []
        case "integer":
            return max(schema.get("minimum", 0), schema.get("exclusiveMinimum", -1) + 1)
        case "number":
            return 1
        case "boolean":
            return bool(schema.get("default", False))
        case "string":
            return _BY_FORMAT.get(schema.get("format", "")) or _text(name, owner)
        case "null":
            return None
    return schema.get("default", {})


def _type_of(value: Any) -> str:
    return {str: "string", int: "integer", list: "array"}[type(value)]


def _text(name: str, owner: str) -> str:
    word = name.removesuffix("_id") if name.endswith("_id") else ""
    if name == "id":
        word = owner[:1].lower() + "".join(c if c.islower() else f" {c}" for c in owner[1:])
        word = word.partition(" ")[0]
        word = "deputyship" if word == "deputy" else word
    if word in _KINDS:
        return f"{_KINDS[word]}_{_SOME_ID}"
    return "proposal-1" if name == "id" else name.replace("_", "-") or "text"
