"""What each container writes, byte for byte where clients split lines."""

from typing import Any

import orjson
import pytest

from contracts.generation.answers import Choice, Token
from contracts.generation.invocations import Form
from tests.unit.dialects.sagemaker.samples import TOKENS, asked, lines, made, whole

PROMPT = "What is"


def loaded(raw: list[bytes], before: bytes = b"", after: bytes = b"\n") -> list[Any]:
    for line in raw:
        assert line.startswith(before)
        assert line.endswith(after)
    return [orjson.loads(line[len(before) : -len(after)]) for line in raw]


def test_lmi_answers_an_object() -> None:
    assert whole(asked(inputs=PROMPT)) == {"generated_text": "Deep Learning"}


def test_lmi_answers_a_list_with_a_list() -> None:
    assert whole(asked(inputs=[PROMPT])) == [{"generated_text": "Deep Learning"}]


def test_lmi_tells_details() -> None:
    assert whole(asked(inputs=PROMPT, parameters={"details": True}))["details"] == {
        "finish_reason": "eos_token",
        "generated_tokens": 3,
        "tokens": [
            {"id": 304, "text": "Deep", "log_prob": -0.5},
            {"id": 11157, "text": " Learning", "log_prob": -1.25},
            {"id": 2, "text": "</s>", "log_prob": -0.125, "special_token": True},
        ],
        "inputs": PROMPT,
    }


async def test_lmi_streams_lines_and_ends_with_the_whole_text() -> None:
    raw = await lines(asked(stream=True, inputs=PROMPT, parameters={"details": True}))
    assert loaded(raw) == [
        {"token": {"id": 304, "text": "Deep", "log_prob": -0.5}},
        {"token": {"id": 11157, "text": " Learning", "log_prob": -1.25}},
        {"token": {"id": 2, "text": "", "log_prob": -0.125, "special_token": True}},
        {
            "token": {"id": -1, "text": None, "log_prob": None},
            "generated_text": "Deep Learning",
            "details": {"finish_reason": "eos_token", "generated_tokens": 3, "inputs": PROMPT},
        },
    ]


async def test_without_details_every_line_of_lmi_has_a_text() -> None:
    told = loaded(await lines(asked(stream=True, inputs=PROMPT)))
    assert "".join(line["token"]["text"] for line in told) == told[-1]["generated_text"]
    assert "details" not in told[-1]


async def test_lmi_streams_events_where_its_formatter_is_sse() -> None:
    told = loaded(await lines(asked("lmi-sse", stream=True, inputs=PROMPT)), b"data: ", b"\n\n")
    assert told[0] == {"token": {"id": 304, "text": "Deep", "log_prob": -0.5}}


def test_tgi_answers_a_list() -> None:
    assert whole(asked("tgi", inputs=PROMPT)) == [{"generated_text": "Deep Learning"}]


def test_tgi_tells_details() -> None:
    (answer,) = whole(asked("tgi", inputs=PROMPT, parameters={"details": True, "seed": 7}))
    assert answer["details"] == {
        "finish_reason": "eos_token",
        "generated_tokens": 3,
        "seed": 7,
        "prefill": [],
        "tokens": [
            {"id": 304, "text": "Deep", "logprob": -0.5, "special": False},
            {"id": 11157, "text": " Learning", "logprob": -1.25, "special": False},
            {"id": 2, "text": "</s>", "logprob": -0.125, "special": True},
        ],
    }


async def test_tgi_streams_events_whose_last_has_text_and_details() -> None:
    raw = await lines(asked("tgi", stream=True, inputs=PROMPT, parameters={"details": True}))
    first, second, last = loaded(raw, b"data:", b"\n\n")
    assert first == {
        "index": 1,
        "token": {"id": 304, "text": "Deep", "logprob": -0.5, "special": False},
        "generated_text": None,
        "details": None,
    }
    assert second["token"]["text"] == " Learning"
    assert last["token"] == {"id": 2, "text": "", "logprob": -0.125, "special": True}
    assert last["generated_text"] == "Deep Learning"
    assert last["details"] == {
        "finish_reason": "eos_token",
        "generated_tokens": 3,
        "seed": None,
        "input_length": 4,
    }


async def test_lmi_on_vllm_streams_tgis_members_as_lines() -> None:
    told = loaded(await lines(asked("lmi-vllm", stream=True, inputs=PROMPT)))
    assert [line["index"] for line in told] == [0, 0, 0]
    assert told[0]["token"]["logprob"] == -0.5
    assert told[-1]["generated_text"] == "Deep Learning"
    assert whole(asked("lmi-vllm", inputs=PROMPT)) == {"generated_text": "Deep Learning"}


@pytest.mark.parametrize("form", ["lmi", "lmi-sse", "lmi-vllm", "tgi"])
async def test_engines_that_tell_no_tokens_stream_their_text(form: Form) -> None:
    raw = await lines(asked(form, stream=True, inputs=PROMPT), told=False)
    told = [orjson.loads(line.removeprefix(b"data:")) for line in raw]
    assert "".join(line["token"]["text"] or "" for line in told) == "Deep Learning"
    assert told[-1]["generated_text"] == "Deep Learning"


@pytest.mark.parametrize("form", ["lmi", "lmi-vllm", "tgi"])
def test_the_full_text_begins_with_the_prompt(form: Form) -> None:
    told = whole(asked(form, inputs=PROMPT, parameters={"return_full_text": True}))
    answer = told[0] if isinstance(told, list) else told
    assert answer["generated_text"] == "What isDeep Learning"


def test_the_best_of_several_comes_first() -> None:
    worse = Choice(text="bad", finish_reason="length", tokens=[TOKENS[1], TOKENS[1]])
    better = Choice(text="good", finish_reason="stop", tokens=[TOKENS[0]])
    one = asked(inputs=PROMPT, parameters={"best_of": 2})
    assert one.requests[0].n == 2
    told = whole(one, [made(choices=[worse, better])])
    assert told["generated_text"] == "good"
    assert [other["generated_text"] for other in told["details"]["best_of_sequences"]] == ["bad"]


def test_the_prompts_tokens_are_told_with_decoder_input_details() -> None:
    parameters = {"details": True, "decoder_input_details": True}
    one = asked(inputs=PROMPT, parameters=parameters)
    prompt = [Token(id=1, text="What", logprob=None)]
    told = whole(one, [made(prompt_tokens=prompt)])
    assert told["details"]["prefill"] == [{"id": 1, "text": "What", "log_prob": None}]


def test_dialogues_are_answered_as_llama_2s_containers_do() -> None:
    dialogue = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    for form in ("lmi", "tgi"):
        told = whole(asked(form, inputs=[dialogue], parameters={"max_new_tokens": 5}))
        assert told == [{"generation": {"role": "assistant", "content": "Deep Learning"}}]


async def test_openais_chat_is_taken_at_the_same_path() -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    told = whole(asked(**body))
    assert told["object"] == "chat.completion"
    assert told["choices"][0]["message"]["content"] == "Deep Learning"
    raw = await lines(asked("tgi", stream=True, **body))
    assert raw[-1] == b"data: [DONE]\n\n"
    raw = await lines(asked("lmi", stream=True, **body))
    assert orjson.loads(raw[0])["object"] == "chat.completion.chunk"


def test_openais_completion_is_taken_at_the_same_path() -> None:
    told = whole(asked(prompt=PROMPT, adapters=["es"]))
    assert told["choices"][0]["text"] == "Deep Learning"
