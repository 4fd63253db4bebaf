"""What an instance's mapping may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from auzap.channels.baileys import Baileys
from auzap.channels.baileys.options import BaileysOptions


def options(**given: Any) -> BaileysOptions:
    return BaileysOptions.model_validate({"channel": "baileys", "url": "http://127.0.0.1:3000", **given})


def test_an_address_is_enough() -> None:
    made = options()
    assert (made.url, made.token, made.timeout) == ("http://127.0.0.1:3000", None, 10.0)
    assert made.rate_limit is not None
    assert (made.rate_limit.max, made.rate_limit.per) == (10, 1.0)
    assert Baileys.Options is BaileysOptions


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("https://gateway.example/api/v1/", "https://gateway.example/api/v1"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("HTTP://gateway", "HTTP://gateway"),
    ],
)
def test_an_address(url: str, kept: str) -> None:
    assert options(url=url).url == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:3000",
        "ftp://127.0.0.1",
        "http://",
        "http://:3000",
        "http:///send",
        "http://gateway:port",
        "http://gateway:99999",
        "http://gateway:0",
        "http://[::1",
        "http://[::1]x:3000",
        "http://gate way",
        "http://gateway..example",
        f"http://{'a' * 64}.example",
        "http://user:secret@gateway",
        "http://gateway/?a=b",
        "http://gateway/#a",
        "http://gateway\n",
        None,
        5,
    ],
)
def test_what_is_no_address(url: Any) -> None:
    with pytest.raises(ValidationError):
        options(url=url)


def test_a_token_is_kept_secret_and_without_the_spaces_around_it() -> None:
    made = options(token=" s3cret\n")
    assert made.token is not None
    assert made.token.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(made)


@pytest.mark.parametrize("token", ["a\nb", "a\0b", "segredo-ç"])
def test_a_token_that_cannot_stand_in_a_header(token: str) -> None:
    with pytest.raises(ValidationError, match="cannot stand in a header"):
        options(token=token)


@pytest.mark.parametrize("timeout", ["0s", "10", "soon", -1])
def test_what_is_no_timeout(timeout: Any) -> None:
    with pytest.raises(ValidationError):
        options(timeout=timeout)


def test_a_key_that_nobody_knows() -> None:
    with pytest.raises(ValidationError):
        options(tokn="x")
