"""What the pictures inside elements are: their type and size, and a keyed digest of each.

The pictures themselves are part of the element's data, which is encrypted and thereby guarded
against change. The digest finds the same picture again; a key joins it to no other database.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.verification.element_policies import PICTURE_OF_ANOTHER
from domain.verification.elements import ElementKind
from domain.verification.pictures import Picture
from storage.common.repository import Repository
from storage.common.rows import Row


class PictureRow(Row):
    """One picture of an element; `place` is its field, and its number from 0 among several.

    `width` and `height` are those of the stored picture, upright, in pixels.
    """

    element_id: str
    kind: ElementKind
    attempt: int
    place: str
    media_type: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True)
class StoredPicture(Picture):
    """A picture of an earlier element, which is the same one in the next; `index` is its digest."""

    index: bytes


class ElementPictureRepository(Repository):
    """The pictures of elements, without their content."""

    async def add(self, pictures: Mapping[str, Mapping[str, Picture]]) -> None:
        """Record the pictures of elements that are being stored, by element and place."""
        known = [
            (element_id, place, picture)
            for element_id, of_element in pictures.items()
            for place, picture in of_element.items()
        ]
        if not known:
            return
        await self._connection.execute(
            "insert into element_pictures (element_id, place, media_type, width, height, bytes,"
            " content_idx) select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[],"
            " $5::integer[], $6::integer[], $7::bytea[])",
            [element_id for element_id, _, _ in known],
            [place for _, place, _ in known],
            [picture.media_type for _, _, picture in known],
            [picture.width for _, _, picture in known],
            [picture.height for _, _, picture in known],
            [len(picture.content) for _, _, picture in known],
            [
                picture.index
                if isinstance(picture, StoredPicture)
                else self._blind_index.of("picture", picture.digest)
                for _, _, picture in known
            ],
        )

    async def stored(
        self, element_id: str, contents: Mapping[str, bytes]
    ) -> dict[str, StoredPicture]:
        """Return those pictures of an element whose `contents` are given, by their place."""
        records = await self._connection.fetch(
            "select place, media_type, width, height, content_idx from element_pictures"
            " where element_id = $1 and place = any($2::text[])",
            element_id,
            list(contents),
        )
        return {
            record["place"]: StoredPicture(
                record["media_type"],
                record["width"],
                record["height"],
                contents[record["place"]],
                "",
                record["content_idx"],
            )
            for record in records
        }

    async def of_application(self, application_id: str) -> list[PictureRow]:
        """Return the pictures of all attempts of an application, in the order of the attempts."""
        return await self._all(
            PictureRow,
            "select p.element_id, e.kind, e.attempt, p.place, p.media_type, p.width, p.height,"
            " p.bytes from elements e join element_pictures p on p.element_id = e.id"
            " where e.application_id = $1"
            " order by e.kind, e.attempt, length(p.place), p.place",
            application_id,
        )

    async def given_by_others(self, element_id: str, identity_number: str) -> int:
        """Return how many other people gave a picture of the element's, in whatever channel.

        Another person is one whose verified identity number is not `identity_number`: who is not
        known yet is not counted. Nor is who was refused for giving another's picture: that must not
        fall back on whose picture it is.
        """
        people: int = await self._connection.fetchval(
            "select count(distinct person.identity_number_idx) from element_pictures mine"
            " join element_pictures same on same.content_idx = mine.content_idx"
            " and same.element_id <> mine.element_id"
            " join elements e on e.id = same.element_id"
            " join applications a on a.id = e.application_id"
            " join applicants person on person.id = a.applicant_id"
            " left join verifications v on v.element_id = e.id"
            " where mine.element_id = $1 and person.identity_number_idx <> $2"
            " and v.reason is distinct from $3",
            element_id,
            self._blind_index.of("identity_number", identity_number),
            PICTURE_OF_ANOTHER,
        )
        return people
