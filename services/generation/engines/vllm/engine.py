"""Texts from vLLM's own servers: routed, with the adapter of the request, and counted exactly."""

import hmac
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeAlias, TypeGuard

import aiohttp

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.errors import InvalidRequest, Unavailable, Unsupported
from services.generation.engines.openai.answers import whole_answer
from services.generation.engines.openai.refusals import NotServed, about_images
from services.generation.engines.openai.requests import body, path, tokenized
from services.generation.engines.openai.server import NOTHING_CAME, events
from services.generation.engines.openai.streams import StreamReader
from services.generation.engines.vllm.admin import Servers, VllmAdmin
from services.generation.ports import Asked, Replica
from services.generation.service.routing.admin import AdapterMissing
from services.generation.service.routing.line import Seat
from services.generation.service.routing.router import Router

_TOO_LONG = ("maximum context length", "max_model_len")


class VllmEngine:
    """`salt_key` is a secret of the platform: what one tenant's prompts left in the prefix cache
    is found by no other's, not even by its timing. The cache is apart by adapter already.
    """

    def __init__(self, router: Router, servers: Servers, salt_key: bytes) -> None:
        self._router, self._servers, self._salt_key = router, servers, salt_key
        self._admin = VllmAdmin(servers)

    async def generate(self, asked: Asked) -> Generation:
        until = self._servers.patience.until()

        async def begin(seat: Seat) -> bytes:
            return await self._whole(seat, asked, until)

        async with self._router.begun(asked, begin) as (seat, answer):
            made = whole_answer(asked.model.id, answer, seat.ticket.adapter)
            seat.used = made.input_tokens + made.output_tokens
            return _without_markup(made) if _must_call(asked.request) else made

    async def stream(self, asked: Asked) -> AsyncGenerator[Delta, None]:
        """Raises Unsupported for several answers with their prompt: vLLM breaks off within them."""
        _require_streamable(asked.request)
        until = self._servers.patience.until()

        async def begin(seat: Seat) -> _Begun:
            return await self._first(seat, asked, until)

        async with self._router.begun(asked, begin) as (seat, (first, rest)):
            reader = StreamReader(asked.model.id, seat.ticket.adapter)
            payloads: list[bytes] | None = first
            async with aclosing(rest):
                while payloads is not None:
                    for delta in reader.read(payloads):
                        seat.used = (seat.used or 0) + delta.input_tokens + delta.output_tokens
                        yield delta
                    payloads = await anext(rest, None)
            yield reader.finish()

    async def count_tokens(self, asked: Asked) -> int:
        """By the model's tokenizer and chat template; asks the first replica that answers."""
        failed: Unavailable | None = None
        for replica in self._router.replicas(asked.model.id):
            try:
                return await self._count(replica, asked)
            except Unavailable as error:
                failed = error
        raise failed or Unavailable(f"{asked.model.name} has no server now.", retry_after=1)

    async def close(self) -> None:
        await self._router.close()
        await self._servers.close()

    async def _whole(self, seat: Seat, asked: Asked, until: float) -> bytes:
        reply = await self._begin(seat, asked, until, stream=False)
        with NOTHING_CAME:
            async with reply:
                return await self._servers.of(seat.replica).rest(reply)

    async def _first(self, seat: Seat, asked: Asked, until: float) -> "_Begun":
        """With the first events read, for until then another replica may be asked."""
        parts = events(await self._begin(seat, asked, until, stream=True))
        try:
            with NOTHING_CAME:
                return await anext(parts), parts
        except BaseException:
            await parts.aclose()
            raise

    async def _begin(
        self, seat: Seat, asked: Asked, until: float, *, stream: bool
    ) -> aiohttp.ClientResponse:
        model = seat.ticket.adapter or asked.model.served_as or asked.model.id
        extras = self._extras(asked, stream=stream)
        sent = body(model, _held(asked.request), stream=stream, **extras)
        try:
            return await self._servers.of(seat.replica).begin(
                f"/v1{path(asked.request)}", sent, until=until, is_stream=stream
            )
        except NotServed as error:
            if asked.adapter is None:
                raise
            raise AdapterMissing(error.message) from error
        except InvalidRequest as error:
            if any(words in error.message for words in _TOO_LONG):
                raise await self._too_long(seat.replica, asked) from error
            if (named := about_images(error, asked.request)) is not None:
                raise named from error
            raise

    def _extras(self, asked: Asked, *, stream: bool) -> dict[str, Any]:
        """What vLLM's servers understand beyond OpenAI's."""
        request = asked.request
        salt = hmac.digest(self._salt_key, asked.tenant.encode(), "sha256").hex()
        extras: dict[str, Any] = {"cache_salt": salt}
        is_echoed = isinstance(request, CompletionRequest) and request.echo
        if is_echoed or request.logprobs is not None:
            extras["return_token_ids"] = True
        if is_echoed:  # beside ids vLLM tells a prompt's tokens only, and the text is the answer's
            extras |= {"echo": True, "logprobs": request.logprobs or 0}
        if stream:  # counts in every event book a stream that is left in the middle
            extras["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        return extras

    async def _too_long(self, replica: Replica, asked: Asked) -> InvalidRequest:
        """vLLM stops counting at its limit, so its own message may not have the true number."""
        count, most = await self._count(replica, asked), replica.limits.context
        wanted = asked.request.max_tokens
        output = "" if wanted is None else f", and up to {wanted} more are asked for"
        return InvalidRequest(
            f"The input has {count} tokens{output}; {asked.model.name} reads and writes at most "
            f"{most} together. Shorten the input{', or ask for fewer' if wanted else ''}."
        )

    async def _count(self, replica: Replica, asked: Asked) -> int:
        request = asked.request
        if isinstance(request, CompletionRequest) and not isinstance(request.prompt, str):
            return len(request.prompt)
        model = asked.model.served_as or asked.model.id
        return await self._admin.count(replica, tokenized(model, _held(request)))


def _require_streamable(request: GenerateRequest) -> None:
    if isinstance(request, CompletionRequest) and request.echo and request.n > 1:
        raise Unsupported(
            "Several answers with their prompt cannot be streamed; leave out echo, n or stream.",
            param="n",
        )


def _must_call(request: GenerateRequest) -> TypeGuard[ChatRequest]:
    return isinstance(request, ChatRequest) and request.tool_choice not in ("auto", "none")


def _without_markup(made: Generation) -> Generation:
    """A call that was cut before it could be read is no text; vLLM's streams do not tell it."""
    choices = [
        choice.model_copy(update={"text": ""})
        if choice.finish_reason == "length" and not choice.tool_calls
        else choice
        for choice in made.choices
    ]
    return made.model_copy(update={"choices": choices})


def _held(request: GenerateRequest) -> GenerateRequest:
    """A call that must be made is held to its schema; else vLLM takes any JSON value for it."""
    if not _must_call(request):
        return request
    tools = [tool.model_copy(update={"strict": True}) for tool in request.tools]
    return request.model_copy(update={"tools": tools})


_Begun: TypeAlias = tuple[list[bytes], AsyncGenerator[list[bytes], None]]
"""The first events of a reply, and those after them."""
