"""Bad storage, foreign, damaged and newer journals: said in words, and nothing is lost."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from aisteer.errors import (
    BadDefinition,
    JournalDamaged,
    JournalReadOnly,
    JournalUnavailable,
    UnknownName,
)  # fmt: skip
from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal import filesystem, hosts, identity, log
from aisteer.journal.store import Journal
from aisteer.journal.tables import events, head, lease
from tests.journal.scenes import ADA, DRIVER, Place, plain, propose

ROOT = Path(__file__).resolve().parents[2]


# --- storage ------------------------------------------------------------------------------------


def test_a_full_disk_loses_nothing_and_the_journal_goes_on_once_there_is_space(on_disk: Place) -> None:
    with on_disk.create() as journal:
        propose(journal, 1.0)
        before = journal.records()
        size = sum(f.stat().st_size for f in on_disk.folder.iterdir())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        command = c.Note(actor=ADA, text="x" * 100_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, hard))
        try:
            for _ in range(2):
                with pytest.raises(JournalUnavailable, match=r"Nothing was written and nothing was lost"):
                    journal.submit(command)
            assert journal.records() == before
            assert journal.state == plain(journal)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not journal.submit(command).repeated
    with on_disk.open() as journal:
        assert journal.records()[: len(before)] == before
        assert len(journal.state.notes) == 1


def test_a_journal_that_may_not_grow_says_there_is_no_space(on_disk: Place) -> None:
    with on_disk.create() as journal:
        pages = journal._database.raw("PRAGMA page_count")[0]
        journal._database.raw(f"PRAGMA max_page_count={pages}")
        with pytest.raises(JournalUnavailable, match="no space left") as failure:
            journal.submit(c.Note(actor=ADA, text="x" * 100_000))
        assert failure.value.facts["cause"] == "full"
        journal._database.raw("PRAGMA max_page_count=1000000")
        journal.submit(c.Note(actor=ADA, text="x" * 100_000))
        assert journal.state == plain(journal)


def test_a_writer_that_never_ends_is_waited_for_only_so_long(place: Place) -> None:
    with place.create() as one, place.open() as two:
        two._database.patience = 0.2
        with one.writing(durable=False), pytest.raises(JournalUnavailable, match="locked"):
            two.submit(c.Start(actor=ADA))
        two.submit(c.Start(actor=ADA))
        assert two.state.active


def _run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOOK = """
import os, sys, tempfile
from pathlib import Path
from aisteer.errors import JournalReadOnly
from aisteer.journal.store import Journal
from aisteer.journal import commands as c
from aisteer.journal.events import Actor
ada = Actor("human", "ada")
with tempfile.TemporaryDirectory() as folder:  # everything is imported while the environment can be read
    Journal.create(Path(folder), c.Define(actor=ada, name="x", uuid="x", nonce="x", definition={})).close()
if os.geteuid() == 0:  # whom no permission stops
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
with Journal.open(Path(sys.argv[1])) as journal:
    print(journal.read_only_reason)
    print(list(journal.state.waiting))
    try:
        journal.submit(c.Start(actor=ada))
    except JournalReadOnly as error:
        print("refused:", error)
"""


@pytest.mark.parametrize("ended", ["closed", "killed"])
def test_a_folder_that_cannot_be_written_is_opened_for_looking(on_disk: Place, ended: str) -> None:
    import tempfile

    # pytest's own temporary folders are closed to other users.
    open_to_all = Path(tempfile.mkdtemp(prefix="aisteer-read-only-"))
    folder = open_to_all / "campaign"
    try:
        with on_disk.create() as journal:
            propose(journal, 1.0)
            if ended == "killed":  # its last commits still lie in the write-ahead log
                shutil.copytree(on_disk.folder, folder, ignore=shutil.ignore_patterns("*-shm"))
        if ended == "closed":
            shutil.copytree(on_disk.folder, folder)
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        open_to_all.chmod(0o755)
        reason, waiting, refused = _run(LOOK, str(folder)).splitlines()
        assert "cannot write the folder" in reason
        assert waiting == "['P1']"
        assert refused.startswith("refused: Nothing was written")
    finally:
        folder.chmod(0o755)
        shutil.rmtree(open_to_all)


def test_a_journal_opened_for_reading_follows_and_refuses(place: Place) -> None:
    with place.create() as writer, place.open(read_only=True) as reader:
        propose(writer, 1.0)
        assert reader.wait(1, timeout=30)
        assert list(reader.state.waiting) == ["P1"]
        with pytest.raises(JournalReadOnly, match="opened so"):
            reader.submit(c.Start(actor=ADA))
        with pytest.raises(JournalReadOnly):
            reader.take_lease({}, DRIVER, patience=0.0)


# --- foreign and damaged ------------------------------------------------------------------------


def _rewrite(place: Place, change: Any) -> None:
    path = place.folder / "journal.db"
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + bytes(4000)], ids=["text", "header"]
)
def test_a_file_that_is_no_journal_is_refused_and_left_alone(on_disk: Place, content: bytes) -> None:
    on_disk.folder.mkdir()
    (on_disk.folder / "journal.db").write_bytes(content)
    with pytest.raises(JournalDamaged, match="not a journal of aisteer"):
        on_disk.open()
    assert (on_disk.folder / "journal.db").read_bytes() == content


def test_an_empty_file_is_a_campaign_that_can_still_be_created(on_disk: Place) -> None:
    on_disk.folder.mkdir()
    (on_disk.folder / "journal.db").touch()
    with pytest.raises(UnknownName, match="empty"):
        on_disk.open()
    on_disk.create().close()


def test_a_database_of_something_else_is_refused_and_left_alone(on_disk: Place) -> None:
    on_disk.folder.mkdir()
    with sqlite3.connect(on_disk.folder / "journal.db") as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(JournalDamaged, match="not a journal of aisteer"):
        on_disk.open()
    with pytest.raises(JournalDamaged, match="not a journal of aisteer"):
        on_disk.create()


def _long(place: Place) -> int:
    with place.create() as journal:
        for n in range(0, 100, 10):
            propose(journal, *(float(n + k) for k in range(10)), accept=True)
        return journal.position


def test_a_truncated_journal_is_called_damaged_with_advice(on_disk: Place) -> None:
    _long(on_disk)
    _rewrite(on_disk, lambda content: content[: len(content) // 2])
    with pytest.raises(JournalDamaged, match="Restore"):
        on_disk.open()


def test_a_changed_byte_in_an_event_is_noticed_and_placed(on_disk: Place) -> None:
    _long(on_disk)

    def change(content: bytes) -> bytes:
        assert content.count(b'"x":41.0') >= 1
        return content.replace(b'"x":41.0', b'"x":47.0')

    _rewrite(on_disk, change)
    with pytest.raises(JournalDamaged, match="damaged after event 83") as failure:
        on_disk.open()
    assert failure.value.facts["good"] == 83


@pytest.mark.parametrize("seed", range(8))
def test_random_flips_are_never_taken_for_the_truth(on_disk: Place, seed: int) -> None:
    import random

    _long(on_disk)
    with on_disk.open() as journal:
        expected = plain(journal)
    order = random.Random(seed)

    def flip(content: bytes) -> bytes:
        rotten = bytearray(content)
        for _ in range(20):
            rotten[order.randrange(100, len(rotten))] ^= 1 << order.randrange(8)
        return bytes(rotten)

    _rewrite(on_disk, flip)
    try:
        with on_disk.open() as journal:
            found = journal.state
            assert found == expected
    except (JournalDamaged, JournalUnavailable):
        pass


def test_a_missing_event_is_noticed(place: Place) -> None:
    _long(place)
    with place.open() as journal, journal.writing(durable=True) as writing:
        writing.connection.execute(events.delete().where(events.c.position == 50))
    with pytest.raises(JournalDamaged, match="Event 50 of the journal is missing"):
        place.open()


def test_a_journal_that_went_back_under_an_open_one_is_noticed(place: Place) -> None:
    with place.create() as journal, place.open() as other:
        propose(journal, 1.0)
        other.refresh()
        with journal.writing(durable=True) as writing:
            writing.connection.execute(events.delete().where(events.c.position == 2))
            writing.connection.execute(update(head).values(position=1))
        with pytest.raises(JournalDamaged, match="went back"):
            other.refresh()


# --- older and newer ----------------------------------------------------------------------------


def _write(journal: Journal, kind: str, version: int, body: str) -> None:
    """Append an event as another release would have."""
    with journal.writing(durable=True) as writing:
        position = journal.position + 1
        row = {"position": position, "time": 5.0, "kind": kind, "version": version, "actor": ADA.to_json()}
        row |= {"command": None, "body": body}
        row["crc"] = log.checksum(tuple(row.values()))  # type: ignore[arg-type]
        writing.connection.execute(insert(events), [row])
        writing.connection.execute(update(head).values(position=position))
    journal.refresh()


def test_an_event_of_an_older_version_is_lifted_and_not_rewritten(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.create() as journal:
        # As if notes had been named so in version 1, and signed in version 2.
        monkeypatch.setattr(ev.NoteWritten, "version", 3)
        monkeypatch.setitem(
            ev.LIFTS, ("note.written", 1), lambda old: {"text": old["words"], "about": old["about"]}
        )
        monkeypatch.setitem(ev.LIFTS, ("note.written", 2), lambda old: {**old, "text": old["text"] + "!"})
        _write(journal, "note.written", 1, '{"words":"before","about":"P1"}')
        with place.open() as later:
            assert later.read_only_reason == ""
            assert later.state.notes[0][2] == ev.NoteWritten(text="before!", about="P1")
            later.submit(c.Note(actor=ADA, text="now"))
            with later.reading() as connection:
                rows = connection.execute(text("SELECT version, body FROM events ORDER BY position")).all()
            assert [tuple(row) for row in rows[1:]] == [
                (1, '{"words":"before","about":"P1"}'),
                (3, '{"text":"now"}'),
            ]


@pytest.mark.parametrize(("kind", "version"), [("run.dreamt", 1), ("note.written", 2)])
def test_an_event_of_a_newer_release_makes_the_journal_read_only_with_the_reason(
    place: Place, kind: str, version: int
) -> None:
    with place.create() as journal, place.open() as other:
        propose(journal, 1.0)
        other.refresh()
        with place.open() as newer:
            _write(newer, kind, version, '{"run":"R1","dream":"sheep"}')
        # One that was open already notices too, before it writes.
        with pytest.raises(JournalReadOnly, match="newer release"):
            other.submit(c.Start(actor=ADA))
        _write_more = journal.records(limit=100)
        assert isinstance(_write_more[-1].event, ev.Unknown)
    with place.open() as journal:
        assert "newer release" in journal.read_only_reason
        assert kind in journal.read_only_reason
        assert list(journal.state.waiting) == ["P1"]
        assert journal.position == 3


def test_what_only_a_newer_release_knows_is_left_out_and_the_rest_is_folded(place: Place) -> None:
    with place.create() as journal:
        _write(journal, "proposal.imported", 1, '{"proposal":"P1"}')
    with place.open(read_only=True) as journal:
        pass
    with place.open() as journal:
        journal._folded.unknown = None  # write as the newer release would, which knows P1
        with journal._database.writing(durable=True) as writing:
            rows = [
                ("proposal.rejected", '{"proposal":"P1","reason":"theirs"}'),
                ("note.written", '{"text":"ours"}'),
            ]
            for position, (kind, body) in enumerate(rows, 3):
                row = {"position": position, "time": 5.0, "kind": kind, "version": 1, "actor": ADA.to_json()}
                row |= {"command": None, "body": body}
                row["crc"] = log.checksum(tuple(row.values()))  # type: ignore[arg-type]
                writing.connection.execute(insert(events), [row])
            writing.connection.execute(update(head).values(position=4))
    with place.open() as journal:
        assert "newer release" in journal.read_only_reason
        assert [note.text for _, _, note in journal.state.notes] == ["ours"]
        assert journal.position == 4


def test_tables_of_a_newer_release_are_not_written(place: Place) -> None:
    with place.create() as journal, journal.writing(durable=True) as writing:
        writing.connection.execute(update(head).values(format=99))
    with place.open() as journal:
        assert "format (99)" in journal.read_only_reason
        with pytest.raises(JournalReadOnly):
            propose(journal, 1.0)


# --- network file systems -----------------------------------------------------------------------

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /home rw,relatime shared:5 - nfs4 server:/home rw,vers=4.2
31 22 0:27 / /scratch/my\\040data rw - lustre 10.0.0.1@tcp:/fs rw
32 22 0:28 / /mnt/remote rw - fuse.sshfs me@host: rw
33 30 0:29 / /home/ada/local rw - xfs /dev/vdb rw
34 22 0:30 / /gpfs rw - gpfs gpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/var/campaigns", "ext4", False),
        ("/home/ada/campaigns", "nfs4", True),
        ("/home/ada/local/campaigns", "xfs", False),
        ("/scratch/my data/x", "lustre", True),
        ("/mnt/remote/x", "fuse.sshfs", True),
        ("/gpfs/x", "gpfs", True),
        ("/homestead/x", "ext4", False),
    ],
)
def test_the_file_system_of_a_folder_is_known(path: str, kind: str, network: bool) -> None:
    found = filesystem.file_system(Path(path), filesystem.parse_mounts(MOUNTS))
    assert (found.type, found.network) == (kind, network)


def test_this_machine_tells_its_file_systems(tmp_path: Path) -> None:
    assert filesystem.file_system(tmp_path).type != "unknown"


@pytest.fixture
def on_network(monkeypatch: pytest.MonkeyPatch, on_disk: Place) -> Place:
    """A place that counts as lying on a network file system."""
    from aisteer.journal import backends

    monkeypatch.setattr(backends, "file_system", lambda path: filesystem.FileSystem("nfs4", "/home"))
    monkeypatch.setattr(hosts, "PATIENCE", 0.3)
    return on_disk


def test_on_a_local_disk_the_journal_has_a_write_ahead_log(on_disk: Place) -> None:
    with on_disk.create() as journal:
        assert journal.mode == "wal"
    with on_disk.open() as journal:
        assert journal.mode == "wal"


def test_on_a_network_file_system_the_journal_rolls_back(on_network: Place) -> None:
    with on_network.create() as journal:
        assert journal.mode == "rollback"
        propose(journal, 1.0)
        assert not list(on_network.folder.glob("*-wal"))
        with on_network.open() as other:  # the same host may have several processes
            propose(other, 2.0)
        assert journal.refresh() == 1


def test_a_journal_that_was_moved_to_a_network_file_system_changes_its_mode(
    on_disk: Place, request: pytest.FixtureRequest
) -> None:
    with on_disk.create() as journal:
        assert journal.mode == "wal"
    request.getfixturevalue("on_network")
    with on_disk.open() as journal:
        assert journal.mode == "rollback"


def test_a_second_host_on_a_network_file_system_only_looks_and_gets_advice(
    on_network: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    with on_network.create() as journal:
        epoch = journal.take_lease({}, DRIVER)
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(0.02):
                journal.beat(epoch)

        beating = threading.Thread(target=beat)
        beating.start()
        try:
            real = identity.host_id()
            with monkeypatch.context() as elsewhere:
                here = threading.get_ident()
                elsewhere.setattr(
                    hosts, "host_id", lambda: "login2:77" if threading.get_ident() == here else real
                )
                with on_network.open() as other:
                    assert "PostgreSQL" in other.read_only_reason
                    with pytest.raises(JournalReadOnly, match="PostgreSQL"):
                        propose(other, 1.0)
        finally:
            stop.set()
            beating.join()
        propose(journal, 1.0)
        journal.release_lease(epoch)
        # Nobody drives any more: the other host may, and the first one is told.
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(hosts, "host_id", lambda: "login2:77")
            with on_network.open() as other:
                assert other.read_only_reason == ""
                propose(other, 2.0)
        with pytest.raises(JournalReadOnly, match="login2"):
            propose(journal, 3.0)


def test_the_host_of_a_driver_that_died_is_replaced(
    on_network: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_network.create() as journal:
        journal.take_lease({}, DRIVER)
    monkeypatch.setattr(hosts, "host_id", lambda: "login2:77")
    with on_network.open() as journal:
        assert journal.read_only_reason == ""
        propose(journal, 1.0)


# --- PostgreSQL ---------------------------------------------------------------------------------


def test_a_server_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="cannot be reached") as failure:
        Place(tmp_path / "x", "postgresql://ada:secret@127.0.0.1:1/db").create()
    assert "secret" not in str(failure.value)


def test_the_address_is_kept_with_the_campaign_and_without_the_password(
    tmp_path: Path, postgres_url: str
) -> None:
    url = postgres_url.replace("aisteer@", "aisteer:secret@")
    folder = tmp_path / "kept-with-its-address"
    Place(folder, url).create().close()
    assert "secret" not in (folder / "campaign.json").read_text()
    with Place(folder).open() as journal:
        assert journal.mode == "postgresql"
        assert "secret" not in journal.where


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    for url in ("mysql://x/y", "what", "sqlite:///x"):
        with pytest.raises((BadDefinition, UnknownName)):
            Place(tmp_path / "x", url).create()


def test_a_connection_that_broke_is_made_again(tmp_path: Path, postgres_url: str) -> None:
    place = Place(tmp_path / "broken-connection", postgres_url)
    with place.create() as journal, place.open() as other:
        with journal.reading() as connection:
            process = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        with other.reading() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
        command = c.Note(actor=ADA, text="again")
        with pytest.raises(JournalUnavailable, match="repeating the same command is harmless"):
            journal.submit(command)
        assert not journal.submit(command).repeated
        assert journal.state == plain(journal)


def test_a_lease_row_that_was_lost_does_no_harm(place: Place) -> None:
    with place.create() as journal:
        epoch = journal.take_lease({}, DRIVER)
        with journal.writing(durable=True) as writing:
            writing.connection.execute(lease.delete())
        assert journal.lease_holder()["epoch"] == epoch
        assert journal.take_lease({}, DRIVER, patience=0.2) == epoch + 1
