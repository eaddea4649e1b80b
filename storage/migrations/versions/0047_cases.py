"""Cases: what people have to look at, with queue, claim and worklog; reviews are the first kind."""

from storage.migrations.scripts import script_beside

revision = "0047"
down_revision = "0046"
upgrade = script_beside(__file__)
