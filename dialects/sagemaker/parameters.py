"""`parameters` of the containers for language models: LMI's, TGI's and vLLM's names as sampling."""

from typing import Any

from dialects.body import Members

_GREEDY = 0.0
_SAMPLES = ("temperature", "top_p", "top_k", "min_p", "typical_p")
_UNSERVED = ("truncate", "top_n_tokens", "watermark", "stop_token_ids", "grammar", "logprobs")
_HARMLESS: dict[str, tuple[object, ...]] = {
    # Served only with the value that changes nothing.
    "typical_p": (1,),
    "length_penalty": (1,),
    "early_stopping": (False,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "include_stop_str_in_output": (False,),
    "num_beams": (1,),
}
_KNOWN = {
    "max_new_tokens",
    "max_tokens",
    "min_new_tokens",
    "min_tokens",
    "do_sample",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "stop_sequences",
    "ignore_eos_token",
    "return_full_text",
    "details",
    "decoder_input_details",
    "best_of",
    "n",
    *_UNSERVED,
    *_HARMLESS,
}


def parameters_of(body: dict[str, Any]) -> Members:
    """Raises InvalidRequest for a name that nobody knows, and for what is not served."""
    members = Members(body, None).object("parameters", _KNOWN)
    members.refuse(*_UNSERVED)
    for name, harmless in _HARMLESS.items():
        if members.body.get(name) not in (None, *harmless):
            raise members.wrong(name, f"must be {harmless[-1]}, or left out")
    return members


def sampling(members: Members, *, most_tokens: int) -> dict[str, Any]:
    """Greedy without `do_sample` and without a parameter that only sampling has."""
    temperature = members.number("temperature", 0, 2)
    samples = members.flag("do_sample", default=any(name in members for name in _SAMPLES))
    if not samples:
        temperature = _GREEDY
    return {
        **_lengths(members, most_tokens),
        "temperature": temperature,
        "top_p": members.nucleus("top_p"),
        "top_k": _likeliest(members),
        "min_p": members.number("min_p", 0, 1),
        "repetition_penalty": members.number("repetition_penalty", 0.01, 10),
        "presence_penalty": members.number("presence_penalty", -2, 2),
        "frequency_penalty": members.number("frequency_penalty", -2, 2),
        "seed": members.integer("seed", least=-(2**63), most=2**63 - 1),
        "stop": [*members.stops("stop_sequences"), *members.stops("stop")],
        "ignore_eos": members.flag("ignore_eos_token", default=False),
        "n": answers(members),
    }


def _lengths(members: Members, most_tokens: int) -> dict[str, int | None]:
    """Each has two names."""
    most = members.tokens("max_new_tokens") or members.tokens("max_tokens", most_tokens)
    name = "min_new_tokens" if "min_new_tokens" in members else "min_tokens"
    least = members.integer(name, least=0, most=1_000_000)
    if most is not None and least is not None and least > most:
        raise members.wrong(name, f"must not be more than the {most} tokens that may be made")
    return {"max_tokens": most, "min_tokens": least}


def answers(members: Members) -> int:
    """How many are made: `best_of` and `n` mean the same, the best being the first."""
    best = members.integer("best_of", 1, least=1, most=16)
    return max(best or 1, members.integer("n", 1, least=1, most=16) or 1)


def _likeliest(members: Members) -> int | None:
    """LMI writes 0 and vLLM -1 where it is off."""
    if members.body.get("top_k") == -1:
        return None
    return members.likeliest("top_k")
