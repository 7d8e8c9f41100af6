"""Scores how well a sentence answers a question, from 0 up, by its words and what it holds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kit.text.facts import Number, plain_terms
from kit.text.terms import stem
from services.generation.engines.extractive.passages import Collection, Sentence
from services.generation.engines.extractive.question import Asked

_NEAR = 0.6  # what a term is worth when only the text just before has it
_NAME = 1.4
_IDENTIFIER = 2  # of the rarest words: it pins down who or what is asked about
_AMOUNT_NEAR = 0.6  # when the amounts of the question are only in the text just before
_FOREIGN = 0.75  # for each content word of the question that none of the passages has
_OWNER_NAME = 0.3  # the name of the owner, in a text that says "we"
_MONTH = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_PATTERNS = {
    "date": re.compile(
        rf"\b(?:{_MONTH})\b|\b\d{{1,2}}[./-]\d{{1,2}}\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day"
        r"|\b\d{1,2}(?::\d\d)?\s?[ap]\.?m\b|\b\d{1,2}:\d\d\b|\bquarter\b|\bevery\b|\bafter\b|\bwithin\b"
        r"|\bo'clock\b|\bnoon\b|\bmidnight\b|\bmornings?\b|\bafternoons?\b|\bevenings?\b"
        r"|\bdaily\b|\bweekly\b|\bmonthly\b|\bdawn\b|\bdusk\b|\bsun(?:rise|set)\b"
        r"|\bwhen(?:ever)?\b|\bif\b|\bonce\b|\bspring\b|\bsummer\b|\bautumn\b|\bwinter\b",
        re.IGNORECASE,
    ),
    "phone": re.compile(r"\+?\d[\d\s().-]{5,}\d"),
    "url": re.compile(r"\bhttps?://|\bwww\.|\b[\w-]{1,63}\.(?:com|org|net|io|example|de|eu)\b"),
    "place": re.compile(
        r"\b(?:in|at|on|near|from|to|outside|floor|room|building|headquarter\w*)\b", re.IGNORECASE
    ),
    "reason": re.compile(
        r"\b(?:because|since|due\s+to|owing\s+to|as\s+a\s+result|so\s+that|in\s+order\s+to|"
        r"caused?|driven\s+by|reason|to\s+(?:avoid|prevent|reduce|protect|improve|keep|ensure))\b",
        re.IGNORECASE,
    ),
    "definition": re.compile(
        r"\b(?:is|are|means|refers\s+to|defined|stands\s+for)\b", re.IGNORECASE
    ),
}  # fmt: skip
_HARD = 0.25  # left of the score when the kind of thing asked for is not there at all
_SOFT = 0.75
_BESIDE = 48  # characters that hold the few words between a number and what it counts
_WORDS_BETWEEN = 4
_CLAUSE_END = re.compile(r"[,;:.!?](?:\s|$)")
_PAYING = frozenset(map(stem, ["cost", "price", "fee", "pay", "charge", "worth", "salary"]))


@dataclass(frozen=True, slots=True)
class Score:
    """`own` is the share of the question's weight that the sentence itself covers.

    `matched` is the share of the question's content words that it or its surroundings have.
    """

    value: float
    own: float
    matched: float


def score(asked: Asked, sentence: Sentence, collection: Collection) -> Score:
    weights = {
        term: importance * collection.weight(term) * _name_factor(asked, term, sentence, collection)
        for term, importance in asked.terms.items()
    }
    # What the question fixes is worth as much as the rarest of words, or more.
    weights |= dict.fromkeys(asked.amounts, collection.unseen)
    weights |= dict.fromkeys(asked.identifiers, _IDENTIFIER * collection.unseen)
    said = sentence.terms | sentence.keys | sentence.identifiers
    columns = sentence.columns - said
    nearby = (sentence.near_terms | sentence.near_keys) - said - columns
    total = sum(weights.values()) or 1.0
    own = sum(weight for word, weight in weights.items() if word in said) / total
    named = sum(weight for word, weight in weights.items() if word in columns)
    near = sum(weight for word, weight in weights.items() if word in nearby)
    covered = own + (named + _NEAR * near) / total
    if not asked.terms:  # only amounts or years were asked for
        covered = own = 1.0
    value = covered * _anchored(asked, sentence) * _holds(asked, sentence)
    value *= _FOREIGN ** (_doubt(asked, sentence) * _foreign(asked, collection))
    matched = _matched(asked, said | columns | nearby, collection)
    return Score(value * (0.3 if sentence.is_heading else 1.0), own, matched)


def _matched(asked: Asked, found: frozenset[str], collection: Collection) -> float:
    if asked.identifiers and asked.identifiers <= found:
        return 1.0
    excused = asked.owner if collection.own_voice else frozenset[str]()
    wanted = {term for term, weight in asked.terms.items() if weight == 1} - excused
    wanted |= asked.amounts
    return len(wanted & found) / len(wanted) if wanted else 1.0


def _name_factor(asked: Asked, term: str, sentence: Sentence, collection: Collection) -> float:
    if term in asked.owner and collection.own_voice and term not in sentence.terms:
        return _OWNER_NAME
    return _NAME if term in asked.names else 1.0


def _doubt(asked: Asked, sentence: Sentence) -> int:
    """How much a word counts that no passage has."""
    if asked.expected == "yes_no":  # it may be the very thing to confirm or deny
        return 2
    pinned = asked.identifiers and asked.identifiers <= sentence.identifiers
    return 0 if pinned and asked.expected != "anything" else 1


def _foreign(asked: Asked, collection: Collection) -> int:
    excused = asked.owner if collection.own_voice else frozenset[str]()
    return sum(
        1
        for term, importance in asked.terms.items()
        if importance == 1 and term not in collection.rarity and term not in excused
    )


def _anchored(asked: Asked, sentence: Sentence) -> float:
    """How much stays of the score by the amounts, years and identifiers that the question fixes."""
    keys, reach = sentence.keys, sentence.keys | sentence.near_keys
    factor = 1.0
    if asked.amounts:
        share = len(asked.amounts & reach) / len(asked.amounts)
        factor *= 1.15 if asked.amounts <= keys else _AMOUNT_NEAR * share**2
    if asked.years:
        other_year = any(number.is_year for number in sentence.numbers)
        if asked.years & keys:
            factor *= 1.2
        elif asked.years & sentence.near_keys and not other_year:
            factor *= 0.9
        else:
            factor *= 0.2
    if asked.identifiers:
        factor *= 1.15 if asked.identifiers <= sentence.identifiers else 0.5
    return factor


def _holds(asked: Asked, sentence: Sentence) -> float:
    """More than 1 when the sentence has the kind of thing asked for, less when it lacks it."""
    known = asked.amounts | asked.years
    new = [n for n in sentence.numbers if n.key not in known]
    kind = asked.expected
    if kind == "number":
        return _counts(asked, sentence, new) if new else _HARD
    if kind == "percent":
        return 1.2 if any(n.unit == kind for n in new) else (_SOFT if new else _HARD)
    if kind == "money":
        return _costs(sentence, new)
    if kind == "year":
        return 1.2 if any(n.is_year for n in new) else _HARD
    if kind == "date":
        dated = any(n.is_year for n in new) or _PATTERNS["date"].search(sentence.text)
        return 1.15 if dated else _HARD
    if kind == "person":
        return 1.1 if sentence.names - asked.names else _SOFT
    if kind == "email":
        return 1.15 if any("@" in one for one in sentence.identifiers) else _HARD
    pattern = _PATTERNS.get(kind)
    if pattern is None:
        return 1.0
    missing = _HARD if kind in ("phone", "url") else _SOFT
    return 1.15 if pattern.search(sentence.text) else missing


def _costs(sentence: Sentence, new: Sequence[Number]) -> float:
    if any(number.unit == "money" for number in new):
        return 1.2
    # A currency that is not known by its sign or name: "costs 14 crowns".
    return 1.1 if new and _PAYING & sentence.terms else _HARD


def _counts(asked: Asked, sentence: Sentence, new: Sequence[Number]) -> float:
    if not asked.unit:
        return 1.1
    if not asked.unit & sentence.terms:
        return 0.6
    return 1.25 if any(_is_beside(asked.unit, sentence.text, n) for n in new) else 0.9


def _is_beside(unit: frozenset[str], text: str, number: Number) -> bool:
    """ "41 old ships" and "ships: 41" count ships; "three firms that own ships" does not."""
    clause = _CLAUSE_END.split(text[number.end : number.end + _BESIDE], maxsplit=1)[0]
    after = " ".join(clause.split()[:_WORDS_BETWEEN])
    before = "".join(text[max(0, number.start - _BESIDE) : number.start].split()[-1:])
    return not unit.isdisjoint([*plain_terms(after), *plain_terms(before)])
