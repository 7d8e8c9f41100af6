"""Parts of paths, with the forms that they must have."""

from typing import Annotated

from fastapi import Path

BaseId = Annotated[str, Path(pattern="^[0-9a-zA-Z]{10}$", examples=["KB00000001"])]
SourceId = Annotated[str, Path(pattern="^[0-9a-zA-Z]{10}$", examples=["DS00000001"])]
IngestionId = Annotated[str, Path(pattern="^[0-9a-zA-Z]{10}$", examples=["IJ00000001"])]
JobId = Annotated[str, Path(max_length=64)]
