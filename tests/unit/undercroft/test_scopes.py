"""A key's scope is checked when it is given: one that opens nothing would be found out late."""

import pytest
import typer

from kit.auth.scopes import Scope
from undercroft.commands.keys import _scope


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("bedrock-runtime:InvokeModel", Scope("bedrock-runtime:InvokeModel")),
        ("s3:*@arn:aws:s3:::docs/*", Scope("s3:*", "arn:aws:s3:::docs/*")),
        ("openai:CreateEmbeddings", Scope("openai:CreateEmbeddings")),
        ("rest:whoami", Scope("rest:whoami")),
        ("*:List*", Scope("*:List*")),
        ("*", Scope("*")),
    ],
)
def test_a_scope_names_operations_and_maybe_resources(text: str, scope: Scope) -> None:
    assert _scope(text) == scope


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("bedrock:InvokeModel", "Did you mean bedrock-runtime:InvokeModel?"),
        ("s3:GetObjekt", "s3:GetObject"),
        ("rest:who", "rest:whoami"),
        ("dynamodb:*", "Services: bedrock, "),
        ("s3:ListBuckets*x", "s3:ListBuckets"),
        ("@arn:aws:s3:::docs", "Services: "),
    ],
)
def test_a_scope_that_opens_nothing_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        _scope(text)
    assert hint in refused.value.message
