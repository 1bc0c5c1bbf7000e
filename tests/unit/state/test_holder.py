"""Who has a shard open is known without disturbing them."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import StateError
from state.directory import open_directory, open_shards, shard_path
from state.holder import holder_of, refuse_held
from state.identity import Identity

IDENTITY = Identity("", 2, "seed")
WORKER = """
import sys
from pathlib import Path
from tests.unit.state.test_holder import hold
hold(Path(sys.argv[1]))
"""


def hold(path: Path) -> None:
    """Keep a shard open until the end of the input."""
    store = open_shards(open_directory(path, identity=IDENTITY, owner="w"), [1])[1]
    sys.stdout.write("open\n")
    sys.stdout.flush()
    sys.stdin.read()
    store.close()


def test_the_process_that_holds_a_shard_is_named(tmp_path: Path) -> None:
    """For as long as it does; a shard that was never open has no holder."""
    shard = shard_path(tmp_path, 1)
    assert holder_of(shard) is None
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "open\n"
        assert holder_of(shard) == worker.pid
        with pytest.raises(StateError, match=rf"state\.other-owner: shard-0001 .* {worker.pid}"):
            refuse_held(shard, action="check")
        # Asking took nothing away.
        assert holder_of(shard) == worker.pid
        worker.communicate("")
    refuse_held(shard, action="check")
