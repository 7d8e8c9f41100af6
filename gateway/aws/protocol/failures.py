"""What can be wrong with a request before any operation has seen it."""

from kit.errors import InvalidRequest, MethodNotAllowed, NotFound


class UnknownOperation(NotFound):
    """The request fits no operation of any model."""


class WrongMethod(MethodNotAllowed):
    """S3's way to say that no operation is at this method and path."""


class SerializationFailed(InvalidRequest):
    """The body is not what the protocol says it is: broken JSON, XML or form."""


class ValidationFailed(InvalidRequest):
    """Readable, but members are missing, of the wrong type, or out of the model's bounds."""
