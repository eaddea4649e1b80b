"""What a person agrees to and hands in: a face does what the application asks of it."""

import asyncio
from typing import Final

from local.story.cameras import Camera
from local.story.client import Api
from local.story.people import Element, element, elements
from local.story.terms import AMOUNT, CHANNEL, FRONT, MONTHS, PRODUCT
from sandbox.personas import Person
from sandbox.pictures import Quality

_FACE: Final = "liveness"


async def consents_to_everything(api: Api) -> list[dict[str, str]]:
    """Return a consent to every text that is shown, as an application takes it; raises Refusal."""
    texts = (await api.get(FRONT, "/v1/consent-texts"))["items"]
    return [
        {"purpose": one["purpose"], "text_version": one["version"], "text_sha256": one["sha256"]}
        for one in texts
    ]


async def apply_for_credit(
    api: Api, reference: str, *, product: str = PRODUCT, amount: int = AMOUNT, months: int = MONTHS
) -> str:
    """Begin an application with every consent and return its id; raises Refusal."""
    body = {
        "product": product,
        "channel": CHANNEL,
        "customer_reference": reference,
        "amount": amount,
        "instalments": months,
        "consents": await consents_to_everything(api),
    }
    return str((await api.post(FRONT, "/v1/applications", body))["id"])


async def actions_asked(api: Api, application_id: str) -> tuple[str, ...]:
    """Return what the face has to do in the next attempt; raises Refusal."""
    path = f"/v1/applications/{application_id}/liveness-challenge"
    return tuple((await api.get(FRONT, path))["actions"])


async def element_for(
    api: Api,
    camera: Camera,
    application_id: str,
    of: Person,
    kind: str,
    quality: Quality = "clear",
) -> Element:
    """Return an element of a person for an application; raises Refusal."""
    actions = await actions_asked(api, application_id) if kind == _FACE else ()
    # Photographs take a while to make.
    return await asyncio.to_thread(
        element, of, kind, actions=actions, quality=quality, camera=camera
    )


async def elements_for(api: Api, camera: Camera, application_id: str, of: Person) -> list[Element]:
    """Return all elements of a person for an application; raises Refusal."""
    actions = await actions_asked(api, application_id)
    return await asyncio.to_thread(elements, of, actions, camera)
