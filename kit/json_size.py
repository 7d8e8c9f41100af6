"""Counts what a JSON text holds before it is parsed: small bodies can hold millions of objects."""

import re

MOST_VALUES = 100_000
"""Objects, lists and texts, names of members included; reading more would hold everybody up."""
# Possessive, and content with a text that never ends: so it is linear whatever it reads.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def is_crowded(raw: bytes) -> bool:
    """Whether it holds more than MOST_VALUES; numbers, `true` and `null` count for nothing."""
    # Every text opens with a quote that follows no backslash, and at most one more is its own.
    unescaped = raw.count(b'"') - raw.count(b'\\"')
    if unescaped > 2 * MOST_VALUES:
        return True
    if raw.count(b"{") + raw.count(b"[") + unescaped <= MOST_VALUES:
        return False
    bare, texts = _TEXT.subn(b"", raw)
    return bare.count(b"{") + bare.count(b"[") + texts > MOST_VALUES
