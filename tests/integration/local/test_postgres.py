"""PostgreSQL of the local stack: its data, and where root keeps it."""

import os
import shutil
import stat
from pathlib import Path

import asyncpg
import pytest

from local.errors import LocalStackError
from local.postgres import EmbeddedPostgres, create_database
from local.postgres_home import (
    homes_without_folder,
    open_home,
    remove_home,
    remove_unused_binaries,
)

AS_ROOT = os.geteuid() == 0

SHARED = Path("/var/tmp")  # noqa: S108 -- where others may make folders is the point


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that no other user can reach, as a clone under /root is."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


class TestPostgres:
    async def test_data_survives_and_databases_are_made(self, private: Path) -> None:
        folder = private / "postgres"
        server = EmbeddedPostgres(folder)
        try:
            async with server:
                url = await create_database(server.url, "case_1")
                with pytest.raises(asyncpg.DuplicateDatabaseError):
                    await create_database(server.url, "case_1")
                connection = await asyncpg.connect(url)
                assert (await connection.fetchval("SHOW server_version")).startswith("18")
                assert await connection.fetchval("SHOW server_encoding") == "UTF8"
                await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
                await connection.close()
            async with EmbeddedPostgres(folder) as again:
                assert again.url == server.url
                connection = await asyncpg.connect(url)
                assert await connection.fetchval("SELECT n FROM kept") == 7
                await connection.close()
            with pytest.raises(LocalStackError, match="refuses the password"):
                await EmbeddedPostgres(folder, password="another").start()
        finally:
            remove_home(folder)

    async def test_data_to_throw_away_is_gone_at_the_end(self, private: Path) -> None:
        folder = private / "postgres"
        async with EmbeddedPostgres(folder, keep_data=False):
            home = open_home(folder).folder
            assert (home / "data" / "PG_VERSION").exists()
        assert not folder.exists()
        assert not (home / "data").exists()

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({"PG_VERSION": "18"}, "half-written"),
            ({}, "half-written"),
            ({"loanflow-complete": "", "PG_VERSION": "17"}, "PostgreSQL 17, the server is 18"),
            ({"loanflow-complete": ""}, "PostgreSQL unknown"),
        ],
    )
    async def test_doubtful_data_is_refused_and_left_alone(
        self, private: Path, files: dict[str, str], message: str
    ) -> None:
        folder = private / "postgres"
        data = open_home(folder).data
        data.mkdir()
        for name, text in files.items():
            (data / name).write_text(text)
        with pytest.raises(LocalStackError, match=message) as raised:
            await EmbeddedPostgres(folder).start()
        assert "make clean-data" in str(raised.value)
        assert {path.name for path in data.iterdir()} == set(files)
        remove_home(folder)

    async def test_an_interrupted_first_start_is_begun_anew(self, private: Path) -> None:
        folder, lines = private / "postgres", list[str]()
        unfinished = open_home(folder).folder / "data-unfinished"
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("18")
        async with EmbeddedPostgres(folder, keep_data=False, report=lines.append):
            pass
        assert "interrupted" in lines[0]

    async def test_a_name_that_is_not_plain_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not a plain database name"):
            await create_database("postgresql://nowhere/x", 'a"; DROP DATABASE x; --')


@pytest.mark.skipif(not AS_ROOT, reason="only root hands PostgreSQL to another user")
class TestRootsHome:
    def test_our_own_folders_stay_closed(self, private: Path) -> None:
        open_home(private / "postgres")
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert stat.S_IMODE((private / "postgres").stat().st_mode) == 0o700
        remove_home(private / "postgres")

    def test_data_lies_where_nobody_can_reach_and_only_root_can_write(self, private: Path) -> None:
        home = open_home(private / "postgres")
        try:
            assert home.account is not None
            assert home.account.uid != 0
            assert not home.folder.is_relative_to(private)
            assert (private / "postgres" / "home").readlink() == home.folder
            for folder in (home.folder, *home.folder.parents):
                assert folder.stat().st_uid == 0
                assert folder.stat().st_mode & stat.S_IXOTH
            assert stat.S_IMODE(home.socket.stat().st_mode) == 0o700
            assert home.socket.stat().st_uid == home.account.uid
            binary = home.binaries / "postgres"
            assert stat.S_IMODE(binary.stat().st_mode) == 0o755
            assert binary.stat().st_uid == 0
        finally:
            remove_home(private / "postgres")

    def test_a_folder_that_somebody_else_made_is_refused(self, private: Path) -> None:
        with_others = SHARED / f"loanflow-test-{os.getpid()}"
        with_others.mkdir()
        try:
            os.chown(with_others, 65534, 65534)
            with pytest.raises(LocalStackError, match="somebody else made it"):
                open_home(private / "postgres", [with_others])
            os.chown(with_others, 0, 0)
            with_others.chmod(0o777)
            with pytest.raises(LocalStackError, match="somebody else made it"):
                open_home(private / "postgres", [with_others])
        finally:
            with_others.rmdir()

    def test_a_link_that_somebody_else_made_is_refused(self, private: Path) -> None:
        link = SHARED / f"loanflow-link-{os.getpid()}"
        link.symlink_to("/etc")
        try:
            with pytest.raises(LocalStackError, match="somebody else made it"):
                open_home(private / "postgres", [link])
        finally:
            link.unlink()

    def test_no_place_is_a_clear_message(self, private: Path) -> None:
        with pytest.raises(LocalStackError, match="set DATABASE_URL"):
            open_home(private / "postgres", [private / "unreachable"])

    def test_only_the_own_home_is_deleted(self, private: Path) -> None:
        moved, ours = private / "moved" / "postgres", private / "ours" / "postgres"
        other, mine = open_home(moved).folder, open_home(ours).folder
        shutil.move(private / "moved", private / "elsewhere")
        assert other in homes_without_folder()
        assert mine not in homes_without_folder()
        assert remove_home(ours) == [mine]
        assert other.exists()
        assert open_home(private / "elsewhere" / "postgres").folder == other
        assert other not in homes_without_folder()
        assert remove_home(private / "elsewhere" / "postgres") == [other]

    def test_a_copied_folder_does_not_share_the_data(self, private: Path) -> None:
        original, copy = private / "postgres", private / "copy"
        home = open_home(original).folder
        shutil.copytree(original, copy, symlinks=True)
        with pytest.raises(LocalStackError, match="is a copy of"):
            open_home(copy)
        assert remove_home(copy) == []
        assert remove_home(original) == [home]

    def test_binaries_go_with_the_last_home(self, private: Path) -> None:
        bases = [SHARED / f"loanflow-last-{os.getpid()}"]
        try:
            open_home(private / "postgres", bases)
            assert remove_unused_binaries(bases) == []
            remove_home(private / "postgres", bases)
            assert len(remove_unused_binaries(bases)) == 1
        finally:
            shutil.rmtree(bases[0])
