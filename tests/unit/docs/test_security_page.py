"""The security page says what the template grants, and has a control and a test for every threat.

That the tests it names exist is looked at for every page, in `test_docs.py`.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode_str  # type: ignore[import-untyped] # it ships no types

from zeroidle_ops.stack import deploy

PAGE = (Path(__file__).parents[3] / "docs" / "security.md").read_text()

WHERE = {
    "Documents in the bucket": ["${Bucket.Arn}/tenants/*"],
    "Queue": ['["Queue", "Arn"]'],
    "Dead letters": ['["DeadLetterQueue", "Arn"]'],
    "Rows": ['["JobsTable", "Arn"]', '["JobsTable", "StreamArn"]'],
    "Archives": ["${Bucket.Arn}/redrive/*"],
}
"""Columns to what stands in a statement's resource."""

WORDS = {
    "read": {"GetObject", "ReceiveMessage", "GetItem", "BatchGetItem", "Scan", "GetRecords"},
    "write": {"PutObject", "SendMessage", "PutItem", "UpdateItem"},
    "delete": {"DeleteObject", "DeleteMessage"},
}
ROLES = {
    "function": ["FunctionRole"],
    "producer": ["ProducerPolicy"],
    "operator": ["Look"],
    "exporter": ["Look", "ExporterRole"],
    "redrive": ["RedriveRole"],
    "forget": ["ForgetRole"],
    "scale operator": ["ScaleOperatorRole"],
    "scaler": ["ScalerRole"],
    "watch": ["WatchRole"],
    "completion pipe": ["CompletionPipeRole"],
}

THREATS = {
    "prompt injection": "A document that gives the model orders",
    "a poisoned model file": "A poisoned model file",
    "a poisoned chat template": "A poisoned chat template",
    "oversize input": "Input without end",
    "log leakage": "Text in logs",
    "a confused deputy in S3": "A message that names another tenant's object",
    "a confused deputy in redrive": "Redrive used to move foreign messages",
}


def table(heading: str) -> list[dict[str, str]]:
    """The rows below a heading, by column."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    columns, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    decoded, _ = decode_str(deploy.template())
    told: dict[str, Any] = json.loads(json.dumps(decoded))["Resources"]
    return told


def statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    told = resource["Properties"]
    documents = [one["PolicyDocument"] for one in told.get("Policies", [told])]
    return [
        one
        for document in documents
        for one in document["Statement"]
        if one.get("Effect") == "Allow"
    ]


def may(resources: dict[str, Any], role: str, column: str) -> str:
    """In the page's words, what a role may do with what stands in a column."""
    actions: set[str] = set()
    for one in (one for name in ROLES[role] for one in statements(resources[name])):
        meant, told = json.dumps(one["Resource"]), one["Action"]
        if any(sign in meant for sign in WHERE[column]):
            actions |= {
                action.split(":")[1] for action in ([told] if isinstance(told, str) else told)
            }
        if column == "Rows" and "JobsTable.Arn}/index/failures" in meant:
            actions.add("names of failures")
    words = [word for word, named in WORDS.items() if actions & named]
    if not words and "GetQueueAttributes" in actions:
        return "counts"
    return ", ".join(words) or ("names of failures" if "names of failures" in actions else "")


def test_the_page_says_who_can_read_what(resources: dict[str, Any]) -> None:
    shown = {row.pop("Role"): row for row in table("Who can read what")}

    assert shown == {
        role: {column: may(resources, role, column) for column in WHERE} for role in ROLES
    }


def test_every_role_and_policy_of_the_template_stands_on_the_page(
    resources: dict[str, Any],
) -> None:
    makers = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    made = {name for name, one in resources.items() if one["Type"] in makers}
    shown = {name for names in ROLES.values() for name in names}

    # These two hold policies that stand by themselves; the others grant neither text nor rows.
    roles_alone = {"OperatorRole", "ProducerRole"}
    assert made - shown == {*roles_alone, "FindStack", "KeyUse", "KeyUseToWrite", "NetworkPolicy"}


@pytest.mark.parametrize("threat", THREATS)
def test_a_threat_of_the_list_has_its_row(threat: str) -> None:
    assert THREATS[threat] in {row["Threat"] for row in table("Threats")}


@pytest.mark.parametrize("row", table("Threats"), ids=lambda row: row["Threat"])
def test_every_threat_has_a_control_and_a_test_that_is_named(row: dict[str, str]) -> None:
    assert len(row["Control"]) > 20
    assert re.search(r"`test_\w+`", row["Test"])
