"""The JSON Schema of ``experiments/package.yaml``, the answers of a study's authors."""

from __future__ import annotations

from typing import Any

from digicarbon.config.files import ANSWERS
from digicarbon.packs.deposit.package.answers import LICENCES, Answers, DataAnswers, questions


def of_answers() -> dict[str, Any]:
    """Return the schema of ``experiments/package.yaml``, each question beside its key; a key may be left empty."""
    whole: dict[str, Any] = Answers.model_json_schema(ref_template="#/definitions/{model}")
    records = {name: _record(record) for name, record in whole.pop("$defs").items()}
    asked = {key: words["en"] for key, words in questions().items()}
    result = _record(whole)
    for key, text in asked.items():
        group, _, name = key.rpartition(".")
        (records[DataAnswers.__name__] if group else result)["properties"][name]["description"] = text
    for name in ("obtained", "cost", "time"):
        # YAML reads these answers as dates and numbers, which are taken as texts
        records[DataAnswers.__name__]["properties"][name]["type"] = ["string", "number", "null"]
    for name in ("licence_of_code", "licence_of_data"):
        result["properties"][name]["examples"] = list(LICENCES)
    records[DataAnswers.__name__]["type"] = ["object", "null"]
    title = f"digicarbon: answers for `digicarbon package`, experiments/{ANSWERS}.yaml"
    return {"$schema": "http://json-schema.org/draft-07/schema#", **result, "title": title, "definitions": records}


def _record(node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a record in which every field that has a default may be empty."""
    needed = node.get("required", [])
    fields: dict[str, Any] = {}
    for name, field in node["properties"].items():
        kinds = [kind["type"] for kind in field.get("anyOf", [field])]
        content = {key: value for key, value in field.items() if key not in ("anyOf", "default", "title", "type")}
        several = [*dict.fromkeys([*kinds, *([] if name in needed else ["null"])])]
        fields[name] = {**content, "type": several if len(several) > 1 else several[0]}
    about = {"description": node["description"].partition("\n")[0], "type": "object", "properties": fields}
    return {**about, "additionalProperties": False, **({"required": needed} if needed else {})}


SCHEMA = ANSWERS, (f"experiments/{ANSWERS}.yaml", of_answers)
