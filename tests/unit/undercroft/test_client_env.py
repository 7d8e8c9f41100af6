"""What a client is told of where the platform is."""

import pytest

from undercroft.client_env import url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80"), ("up", "http://up:80")],
)
def test_an_ipv6_address_stands_in_brackets(host: str, url: str) -> None:
    assert url_of("http", host, 80) == url
