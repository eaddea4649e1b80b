"""How pictures travel in a JSON body."""

from base64 import b64encode
from typing import Annotated

from pydantic import PlainSerializer

Image = Annotated[
    bytes,
    PlainSerializer(lambda picture: b64encode(picture).decode(), return_type=str),
]
"""The bytes of a picture; standard base64 on the wire."""
