"""Models whose payload has several forms: the members of the body tell which it is."""

from collections.abc import AsyncGenerator

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from dialects.body import Json
from dialects.dialect import Exchange, TextDialect


class ByBody:
    """TextDialect. Each form goes by a member that only it has among those that are left.

    The last form takes what is in none of them, and says what it lacks.
    """

    def __init__(self, *forms: tuple[str, TextDialect]) -> None:
        self._forms = forms

    def read(self, model: str, body: Json) -> GenerateRequest:
        return self._form(body).read(model, body)

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return self._form(exchange.body).whole(exchange, made)

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        return self._form(exchange.body).parts(exchange, deltas)

    def _form(self, body: Json) -> TextDialect:
        return next((form for member, form in self._forms if member in body), self._forms[-1][1])
