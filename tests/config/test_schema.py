from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
from pydantic import Field

from config.reference import reference
from config.schema import json_schema
from config.secrets import Secret
from config.settings import LATER_KEYS
from config.source import SourceEnvelope
from config.yaml import read


class BucketSettings(SourceEnvelope):
    """Files of a bucket."""

    type: Literal["bucket"] = Field(default="bucket", description="Always `bucket`.")
    path: str = Field(description="Where | how.")
    token: Secret | None = Field(default=None, description="A secret. Default none, because.")


class OtherSettings(SourceEnvelope):
    """Something else."""

    type: Literal["other"] = Field(default="other", description="Always `other`.")


MODELS: dict[str, Callable[[], type[SourceEnvelope]]] = {
    "bucket": lambda: BucketSettings,
    "other": lambda: OtherSettings,
}


def complaints(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(json_schema(MODELS))
    return [error.message for error in validator.iter_errors(read(text).root.plain())]


def test_the_schema_is_draft_2020_12() -> None:
    schema = json_schema(MODELS)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


def test_keys_have_descriptions_and_defaults() -> None:
    schema = json_schema(MODELS)
    mode = schema["properties"]["mode"]
    assert mode["default"] == "observe"
    assert "only reports" in mode["description"]
    assert schema["$defs"]["LedgerSettings"]["properties"]["max_loss"]["default"] == "5%"
    assert schema["$defs"]["BucketSettings"]["properties"]["every"]["default"] == "6h"


def test_the_type_of_a_source_picks_its_keys() -> None:
    assert complaints("sources: [{type: bucket, name: a, path: x, every: 6h}, {type: other, name: b}]") == []
    assert complaints("sources: [{type: other, name: b, path: x}]") != []
    assert complaints("sources: [{type: bucket, name: b}]") != []
    assert complaints("sources: [{type: nope, name: b}]") != []
    assert complaints("sources: [{name: b}]") != []


@pytest.mark.parametrize(
    "text",
    [
        "mod: observe",
        "ledger: {max_loss: 7}",
        "sources: [{type: bucket, name: a, path: x, token: literal}]",
        "sources: [{type: bucket, name: a, path: x, every: soon}]",
        "sources: [{type: bucket, name: NOT, path: x}]",
    ],
)
def test_an_editor_sees_the_mistakes_that_the_check_sees(text: str) -> None:
    assert complaints(text) != []


def test_keys_of_later_versions_are_no_mistakes_to_an_editor() -> None:
    assert complaints("".join(f"{key}: [x]\n" for key in LATER_KEYS)) == []


def test_what_the_check_takes_of_ownership_the_schema_takes_too() -> None:
    text = """
    ownership:
      keys: {team: [team, owner], environment: env}
      aliases: {team: {machine-learning: ml, unknown: null}}
      accounts: {"4242": data, "43*": {team: web, environment: prod}}
      rules:
        - {when: {account: "4242*"}, team: data}
        - {when: {"tag:team": ml, namespace: [a, b]}, team: ml}
      shared:
        - {name: platform, when: {namespace: [kube-system]}, split: proportional}
    """
    assert complaints(text) == []


def test_no_secret_has_a_value_in_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTD_CANARY", "canary-in-schema")
    assert "canary-in-schema" not in json.dumps(json_schema(MODELS))


def sections(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("## ")]


def test_the_reference_has_every_section_once() -> None:
    found = sections(reference(MODELS))
    assert len(found) == len(set(found))
    for title in (
        "Top level",
        "`ledger`",
        "`ledger.s3`",
        "`state`",
        "`sources[bucket]`",
        "`ownership.rules[]`",
    ):
        assert f"## {title}" in found


def test_the_reference_tells_every_key_and_keeps_its_tables_whole() -> None:
    text = reference(MODELS)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert any(row.startswith("| `path` | text | Where \\| how. **Required.**") for row in rows)
    for row in rows:
        assert row.replace("\\|", "").count("|") == 4, row


def walk(schema: dict[str, Any]) -> set[str]:
    found = set(schema["properties"]) - LATER_KEYS
    for definition in schema["$defs"].values():
        found |= set(definition.get("properties", {}))
    return found


def test_the_reference_leaves_no_key_of_the_schema_out() -> None:
    text = reference(MODELS)
    assert {key for key in walk(json_schema(MODELS)) if f"`{key}`" not in text} == set()


def test_the_settings_page_is_current(root: Path) -> None:
    from daemon.assemble import source_models

    page = root / "docs" / "reference" / "settings.md"
    assert page.read_text(encoding="utf-8") == reference(source_models()), (
        "run: costd config schema --output markdown > docs/reference/settings.md"
    )
