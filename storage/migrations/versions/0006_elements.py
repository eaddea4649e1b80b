"""The catalogue of elements: consents, devices, what an applicant keeps."""

from storage.migrations.scripts import script_beside

revision = "0006"
down_revision = "0005"
upgrade = script_beside(__file__)
