"""The devices that applications are made on."""

from pydantic import ConfigDict, Field

from api.schemas.base import Body
from storage.devices import Platform


class NewDevice(Body):
    """The device that an application is made on; its id is an opaque one of the app's own."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"device_id": "f3b0c9a71d", "platform": "android"}]}
    )

    device_id: str = Field(pattern=r"^[A-Za-z0-9_-]{8,128}$")
    platform: Platform
