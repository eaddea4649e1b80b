"""Files that staff put into a case: told by their content, never run (W22)."""

import zlib

import pytest

from domain.applications.files import MAX_FILE_BYTES
from tests.api.cases.opened import Opened, a_pdf, a_picture, encoded


async def test_an_attached_pdf_is_only_downloaded_and_a_picture_is_marked(held: Opened) -> None:
    placed = [
        await held.post("/files", {"name": name, "content": encoded(content)})
        for name, content in (("letter.png", a_pdf()), ("photo.pdf", a_picture()))
    ]
    assert [one.status_code for one in placed] == [201, 201]
    # The type is that of the content, whatever the name says.
    listed = {one["name"]: one["media_type"] for one in (await held.document())["files"]}
    assert listed == {"letter.png": "application/pdf", "photo.pdf": "image/png"}
    letter = await held.get(f"/files/{placed[0].json()['id']}")
    assert letter.content == a_pdf()
    assert letter.headers["content-disposition"].startswith("attachment;")
    assert letter.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert letter.headers["x-content-type-options"] == "nosniff"
    photo = await held.get(f"/files/{placed[1].json()['id']}")
    assert photo.content[:2] == b"\xff\xd8"
    assert len(await held.views("file")) == 2
    done = [one["action"] for one in (await held.document())["timeline"]]
    assert done.count("attach_file") == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (a_pdf(b"<</S/JavaScript/JS(app.alert(1))>>"), "runs something"),
        (a_pdf(b"<</S/J#61vaScript>>"), "runs something"),
        (a_pdf(b"<</S/Launch/F(x.exe)>>"), "runs something"),
        (a_pdf(b"<</Names<</EmbeddedFiles 2 0 R>>>>"), "runs something"),
        (
            a_pdf(
                b"<</Type/ObjStm/Filter/FlateDecode>>stream\n"
                + zlib.compress(b"<</S/JavaScript>>")
                + b"\nendstream "
            ),
            "runs something",
        ),
        (
            a_pdf(b"<</Type/ObjStm>>stream\n" + zlib.compress(b" " * 50_000_000) + b"\nendstream "),
            "looked into",
        ),
        (a_pdf(b"<</Encrypt 3 0 R>>"), "password"),
        (a_pdf()[:-7], "cut short"),
        (b"<svg onload='x()'/>" + b" " * 100, "SVG"),
        (b"<html><script>x()</script></html>" + b" " * 100, "not a picture"),
        (a_picture()[:90], "damaged"),
        (a_picture(size=(6000, 6000)), "too many pixels"),
        (a_pdf() + b" " * MAX_FILE_BYTES, "at most 10 MB"),
    ],
)
async def test_a_file_that_is_no_plain_document_is_refused(
    held: Opened, content: bytes, why: str
) -> None:
    answer = await held.post("/files", {"name": "file", "content": encoded(content)})
    assert (answer.status_code, answer.json()["code"]) == (422, "file_refused")
    assert why in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == "content"
