"""Which texts of somebody's JSON are let in: those that can be written down again."""

import json
from typing import Any


def check_unicode(said: Any) -> None:
    """Raises ValueError for half a surrogate pair, which JSON can spell and UTF-8 cannot."""
    try:
        json.dumps(said, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text in it is no Unicode: it holds half a surrogate pair") from error
