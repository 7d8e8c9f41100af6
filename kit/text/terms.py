"""Words of a text and their stems: what lexical comparison of sentences is made of."""

# ruff: noqa: RUF001 (the punctuation of many scripts is the point)
import re
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]

_STEMMER = snowballstemmer.stemmer("english")
# Scripts without spaces count each character as a word.
_WORD = re.compile(
    r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]+)+"
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|[^\W_]+(?:['’][^\W_]+)*"
)
_POSSESSIVE = re.compile(r"['’]s?$")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOPWORDS = _listed(
    "a about after again all also am an and any are as at be because been before being"
    " between both but by can could did do does doing don't during each few for from further"
    " had has have having he her here hers him his how i if in into is it its itself just let"
    " me more most my no nor not of off on once only or other our ours out over own please"
    " same she should so some such tell than that the their theirs them then there these they"
    " this those through to too under until up upon us very was we were what when where which"
    " while who whom whose why will with would you your yours"
)

# Forms that no suffix rule brings to their verb.
_IRREGULAR = {
    form: verb
    for verb, forms in {
        "begin": "began begun", "bring": "brought", "build": "built", "buy": "bought",
        "child": "children", "choose": "chose chosen", "come": "came", "cost": "costs",
        "drive": "drove driven", "fall": "fell fallen", "find": "found", "foot": "feet",
        "get": "got gotten", "give": "gave given", "go": "went gone", "grow": "grew grown growth",
        "hold": "held", "keep": "kept", "know": "knew known", "lead": "led", "leave": "left",
        "lose": "lost loss", "make": "made", "man": "men", "mean": "meant", "meet": "met",
        "pay": "paid", "person": "people", "rise": "rose risen", "run": "ran",
        "say": "said", "see": "saw seen", "sell": "sold", "send": "sent",
        "sing": "sang sung", "sink": "sank sunk", "drink": "drank drunk", "draw": "drew drawn",
        "break": "broke broken", "catch": "caught", "eat": "ate eaten", "fight": "fought",
        "fly": "flew flown", "forget": "forgot forgotten", "feel": "felt", "hear": "heard",
        "swim": "swam swum", "steal": "stole stolen", "throw": "threw thrown", "wear": "wore worn",
        "set": "sets",
        "speak": "spoke spoken", "spend": "spent", "take": "took taken", "teach": "taught",
        "tell": "told", "think": "thought", "win": "won", "woman": "women",
        "write": "wrote written",
    }.items()
    for form in forms.split()
}  # fmt: skip


def word_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Each word as it stands, without a possessive ending, with its start and end."""
    for match in _WORD.finditer(text):
        word = _POSSESSIVE.sub("", match.group())
        yield word, match.start(), match.start() + len(word)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The lower-case stem that the forms of a word share ("grew", "growing" -> "grow")."""
    folded = word.casefold()
    found: str = _STEMMER.stemWord(_IRREGULAR.get(folded, folded))
    return found


def terms(text: str) -> list[str]:
    """Stems of the words that carry content, in order, repeats kept."""
    return [stem(word) for word, _, _ in word_spans(text) if word.casefold() not in STOPWORDS]
