"""Reads a question: its terms, what it fixes (names, amounts, years), and what it asks for."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kit.text.facts import identifiers, names, numbers, plain_terms

Expected: TypeAlias = Literal[
    "year", "date", "percent", "money", "number", "email", "phone", "url", "person", "place",
    "reason", "definition", "yes_no", "anything",
]  # fmt: skip

_CUES: tuple[tuple[Expected, str], ...] = (
    ("email", r"\be-?mail\b"),
    # From a line's first "call" on: from each, it would take quadratic time.
    ("phone", r"\b(?:tele)?phone\b|(?m:^)(?>.*?\bcall\b).*\bnumber\b|\bhotline\b"),
    ("url", r"\burl\b|\bwebsite\b|\bweb\s+(?:page|address)\b|\blink\s+to\b"),
    ("year", r"\b(?:what|which)\s+(?:fiscal\s+|financial\s+)?years?\b|\bhow\s+old\b"),
    ("percent", r"\bper\s?cent(?:age)?\b|\bwhat\s+share\b|\b(?:growth|interest)\s+rate\b"),
    (
        "date",
        r"\bwhen\b|\b(?:what|which)\s+(?:date|day|month|quarter|time)\b|\bdeadline\b|\bdue\b",
    ),
    ("money", r"\b(?:price|cost|costs|fee|fees|salary|worth|charge)\b"),
    (
        "number",
        r"\bhow\s+(?:many|much|long|often|large|big|far|fast|tall|high|heavy|deep|wide)\b"
        r"|\bwhat\s+(?:number|amount|size|quantity)\b|\bmaximum\b|\bminimum\b",
    ),
    ("person", r"\bwho(?:m|se)?\b"),
    (
        "place",
        r"\bwhere\b|\b(?:what|which)\s+(?:city|country|place|location|office|building)\b",
    ),
    ("reason", r"\bwhy\b|\bfor\s+what\s+reason\b"),
    (
        "definition",
        r"^\s*(?:what\s+(?:is|are)|define)\s+(?:an?\s+|the\s+)?[\w-]+(?:\s+[\w-]+)?\s*\?*$",
    ),
    ("yes_no", r"^\s*(?:is|are|was|were|do|does|did|can|may|must|has|have|will|should)\b"),
)
_FRAMING = re.compile(
    r"\b(?:according\s+to|based\s+on|from|in|given)\s+the\s+(?:given\s+|provided\s+|above\s+)?"
    r"(?:context|passages?|documents?|texts?|search\s+results?|reports?\s+above|information)"
    r"(?:\s+(?:provided|above|given|below))?\b"
    r"|\b(?:can|could|would)\s+you\s+(?:please\s+)?(?:tell|explain|describe|say)\b"
    r"|\bdo\s+you\s+know\b|\bi(?:'d|\s+would)\s+like\s+to\s+know\b",
    re.IGNORECASE,
)
_HOW = (
    r"\bhow\s+(?:many|much|long|often|large|big|far|fast|tall|high|heavy|deep|wide|old|soon|hot)\b"
)
_UNIT = re.compile(r"\bhow\s+many\s+(?:of\s+the\s+)?((?:[\w-]+\s+){0,2}?[\w-]+)", re.IGNORECASE)
# Words of asking that the sentence with the answer seldom repeats.
_ASKING = frozenset(
    plain_terms(
        "answer year date day month time number amount percent percentage"
        " share who person name kind type sort exactly give list describe explain find mention"
        " happen happened main full email e-mail mail address phone telephone website url call"
        " contact reach price cost place city reason field compare use need get"
        " deliver say state work size version temperature height length weight speed colour"
    )
)
_ASKING_WEIGHT = 0.35
# "What is Acme doing" may name the owner of a text that says "we"; "in Poland" does not.
_PLACED = re.compile(
    r"\b(?:of|in|at|on|from|to|for|near|by|with|than|about)\s+(?:the\s+)?[\w-]+", re.IGNORECASE
)
_OWNER_WORDS = frozenset(plain_terms("company firm organization organisation registrant business"))


@dataclass(frozen=True, slots=True)
class Asked:
    """`terms` maps each content stem to its importance (1, less for words of asking)."""

    text: str
    terms: dict[str, float]
    names: frozenset[str]
    owner: frozenset[str]
    """Those terms that may name whoever a text in the first person speaks for."""
    identifiers: frozenset[str]
    amounts: frozenset[str]
    """Keys of the amounts that the question fixes and that are no years."""
    years: frozenset[str]
    expected: Expected
    unit: frozenset[str]
    """Stems of what is counted: "days" in "how many days"."""


def read_question(text: str) -> Asked:
    plain = _FRAMING.sub(" ", text)
    found = numbers(plain)
    named = frozenset(names(plain))
    terms = plain_terms(re.sub(_HOW, " ", plain, flags=re.IGNORECASE))
    placed = {term for match in _PLACED.finditer(plain) for term in plain_terms(match.group())}
    unit = _UNIT.search(plain)
    pinned = frozenset(identifiers(plain))
    return Asked(
        text=text,
        terms={term: _ASKING_WEIGHT if term in _ASKING else 1.0 for term in terms},
        names=named,
        owner=(named - placed) | _OWNER_WORDS.intersection(terms),
        identifiers=pinned,
        amounts=frozenset(number.key for number in found if not number.is_year),
        years=frozenset(number.key for number in found if number.is_year),
        expected=_expected(plain, pinned),
        unit=frozenset(plain_terms(unit[1])) if unit else frozenset(),
    )


def _expected(plain: str, pinned: frozenset[str]) -> Expected:
    """The kind of thing asked for; not an address where the question gives one."""
    kinds = (kind for kind, cue in _CUES if re.search(cue, plain, re.IGNORECASE))
    given = any("@" in one for one in pinned)
    return next((kind for kind in kinds if not (given and kind == "email")), "anything")
