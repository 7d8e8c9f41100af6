"""Counts what a JSON text holds before it is parsed: small bodies can hold millions of objects."""

MOST_VALUES = 100_000
"""Objects, lists and texts, names of members included; reading more would hold everybody up."""
MOST_MEMBERS = 1_000_000
"""Of all lists and objects: prompts of token ids are long lists of what costs little to read."""
CROWDED = f"more than {MOST_VALUES} texts, lists and objects, or {MOST_MEMBERS} other values"


def is_crowded(raw: bytes) -> bool:
    """Whether it holds more than MOST_VALUES, or than MOST_MEMBERS with numbers and nulls."""
    # Every text opens with a quote that follows no backslash, and at most one more is its own.
    unescaped = raw.count(b'"') - raw.count(b'\\"')
    if unescaped > 2 * MOST_VALUES:
        return True
    values = raw.count(b"{") + raw.count(b"[") + unescaped
    if values <= MOST_VALUES and raw.count(b",") < MOST_MEMBERS:
        return False
    # Without what is escaped, every second piece between quotes is a text.
    pieces = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    bare, texts = b"".join(pieces[::2]), len(pieces) // 2
    values = bare.count(b"{") + bare.count(b"[") + texts
    return values > MOST_VALUES or bare.count(b",") >= MOST_MEMBERS
