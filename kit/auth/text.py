"""Text from outside, made fit for a database's text columns."""


def storable(text: str) -> str:
    """The same text, but for NULs and lone surrogates, which PostgreSQL refuses."""
    if text.isprintable():
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
