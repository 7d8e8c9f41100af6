"""Answers with an error as the OpenAI API does."""

import orjson

from dialects.openai.errors import error_object
from gateway.response import Response
from kit.errors import PlatformError
from kit.problems import retry_headers


def error_response(error: PlatformError) -> Response:
    headers = [(b"content-type", b"application/json")]
    headers += [(name.encode(), value.encode()) for name, value in retry_headers(error).items()]
    return Response(error.status, headers, orjson.dumps({"error": error_object(error)}))
