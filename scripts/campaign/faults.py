"""The faults, each a function that breaks one thing while workers decide; `FAULTS` is their order."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from schemas import topics
from schemas.errors import StateError
from scripts.campaign.deaths import Lives
from scripts.campaign.lab import SHARDS, Lab
from scripts.campaign.scales import Scale
from scripts.campaign.worker import LabError, Worker
from state import synced
from state.backup import ShardBackups, shards_in
from state.depot import open_depot
from state.directory import shard_path
from state.snapshot import positions_of

JUMPING = "scripts.campaign.jumping"
DISK_BYTES = 6 << 20
BACKUP_S = 0.4


Fault = Callable[[Lab, Scale, random.Random], str]
"""Break things, let the workers finish, and say in a few words what was done."""


def killed(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """Two workers, each killed at random moments: while starting, reading, deciding, sending, idle."""
    lives = Lives(lab, draw, workers=2)
    lives.end(scale.times, records=scale.records)
    lab.drain(*(lab.start(ordinal, 2) for ordinal in range(2)))
    return lives.words()


def torn(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """After each kill -9 the end of each shard's write-ahead log is cut off, as by a power cut.

    A cut behind the last sync must be refused; the operator then lets the shard go on from there.
    """
    cut = refused = 0
    lives = Lives(lab, draw, workers=1)
    for strike in range(scale.times):
        lives.end(1, records=scale.records * (strike + 1) // scale.times)
        for shard in range(SHARDS):
            path = shard_path(lab.state, shard)
            cut += _tear(path, draw)
            refused += _let_go_on(path)
    lab.drain(lab.start())
    return (
        f"{scale.times} kills, {cut:,} bytes of write-ahead logs cut off; {refused} × state.corrupt "
        "where what was synced was cut, then let go on"
    )


def twice(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """Ingest is killed and begins again further back, and a second one reads the same sources."""
    lab.create(topics.ALL)
    lives = Lives(lab, draw, workers=1, flow="ingest")
    lives.end(scale.times, records=scale.records, roles=True)
    lab.settle()
    decide = lab.start()
    rivals = [lab.start(flow="ingest"), lab.start(1, 2, flow="ingest")]
    wanted = scale.records
    lab.until(lambda: lab.ingested() >= wanted, "the sources were not ingested")
    for rival in rivals:
        rival.stop()
    lab.drain(decide)
    surplus = sum(lab.ends().values()) - lab.good()
    return f"{scale.times} kills of ingest, {surplus:,} records twice on the log"


def restarted(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """The broker is stopped and started, and killed and started, under load."""
    lab.supervised = True
    with fed(lab, scale) as (worker, feed):
        for strike in range(scale.times):
            feed(scale.records // scale.times)
            time.sleep(draw.uniform(0.1, 0.8))
            if strike % 2:
                lab.broker.kill()
                lab.broker.start()
            else:
                lab.broker.restart()
        lab.drain(worker)
    return f"{scale.times} restarts, every second after kill -9{lab.supervision}"


def unreachable(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """The broker's process is stopped for a while: connections stay, answers don't come."""
    with fed(lab, scale) as (worker, feed):
        for _ in range(scale.times):
            feed(scale.records // scale.times // 2)
            time.sleep(draw.uniform(0.1, 0.5))
            if lab.broker.pid is None:
                raise LabError("the broker is gone")
            os.kill(lab.broker.pid, signal.SIGSTOP)
            feed(scale.records // scale.times // 2)
            time.sleep(scale.lasts_s)
            os.kill(lab.broker.pid, signal.SIGCONT)
        lab.drain(worker)
    return f"{scale.times} × {scale.lasts_s:.0f} s without an answer"


def full(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """The disk of the state is full: the worker must end and say so; with room again it goes on."""
    del draw
    refused = 0
    lab.feed(scale.records // 2)
    with small_disk(lab) as (state, words, limits):
        config = lab.configure(state=state, name="-full")
        for _ in range(scale.times):
            worker = lab.start(config=config)
            limits(worker)
            lab.feed(scale.records // 2 // scale.times)
            lab.until(lambda: worker.gone, "the worker did not notice the full disk")  # noqa: B023 - at once
            if worker.process.returncode != 4 or not worker.said("state.unwritable"):  # noqa: PLR2004 - status of state errors
                raise LabError(
                    f"a full disk ended the worker with {worker.process.returncode}, not with 4"
                    f" and state.unwritable: see {worker.log}"
                )
            refused += 1
        subprocess.run(["cp", "-a", str(state), str(lab.state)], check=True)
    lab.drain(lab.start())
    return f"{words}; {refused} × state.unwritable, then more room"


def leaping(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """The wall clock of the worker leaps forward by weeks and back by days, and it is killed meanwhile."""
    lives = Lives(lab, draw, workers=1, module=JUMPING)
    lives.end(scale.times, records=scale.records)
    lab.drain(lab.start(module=JUMPING))
    return f"a leap of up to ±30 days every 0.2 s, {scale.times} kills"


def rescaled(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """1 → 2 → 4 → 1 workers under load, stopped or killed at each step."""
    counts = (1, 2, 4, 1)
    for step, count in enumerate(counts):
        workers = [lab.start(ordinal, count) for ordinal in range(count)]
        lab.feed(scale.records // len(counts))
        lab.ready(*workers)
        time.sleep(draw.uniform(0.1, 0.6))
        if step == len(counts) - 1:
            lab.feed(scale.records % len(counts))
            lab.drain(*workers)
            break
        for worker in workers:
            if step % 2:
                worker.kill()
            else:
                worker.stop()
    return "1 → 2 → 4 → 1 workers, stopped and killed in turn"


def erased(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """The worker is killed and its disk is gone: each shard comes back from its newest backup and the log."""
    config = lab.configure(backup_s=BACKUP_S, name="-backed-up")
    restored = damaged = 0
    for strike in range(scale.times):
        worker = lab.start(config=config)
        restored += len(shards_in(open_depot(str(lab.backups))))
        due = [scale.records * (3 * strike + part) // (3 * scale.times) for part in (1, 2, 3)]
        lab.feed(due[0] - lab.fed)
        lab.follow(worker)
        seen = worker.count('"backed up"')
        lab.feed(due[1] - lab.fed)  # what has not changed is not backed up again
        lab.until(
            lambda: worker.count('"backed up"') >= seen + 1,  # noqa: B023 - at once
            "nothing was backed up",
        )
        lab.feed(due[2] - lab.fed)
        time.sleep(draw.uniform(0.0, BACKUP_S))
        worker.kill()
        shutil.rmtree(lab.state)
        lab.forget()
        if strike % 2:
            damaged += _spoil(lab.backups, draw)
    worker = lab.start(config=config)
    restored += len(shards_in(open_depot(str(lab.backups))))
    lab.drain(worker)
    return (
        f"{scale.times} × killed and all of its state deleted; {restored} shards restored from backups, "
        f"{damaged} × an older one since the newest was damaged"
    )


def lost(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """Of a group's three workers two die for good, and their disks with them: the others go on from backups and log."""
    config = lab.configure(ownership="group", backup_s=BACKUP_S, name="-group")
    workers = [lab.start(ordinal, config=config) for ordinal in range(3)]
    lab.feed(scale.records // 3)
    lab.ready(workers[0])
    for ordinal, worker in enumerate(workers[:2]):
        lab.until(lambda: worker.count('"backed up"') > 0, "nothing was backed up")  # noqa: B023 - at once
        time.sleep(draw.uniform(0.0, BACKUP_S))
        worker.kill()
        shutil.rmtree(lab.state / f"worker-{ordinal}")
        lab.feed(scale.records // 3)
    lab.feed(scale.records % 3)
    lab.drain(workers[2])
    restored = sum(worker.count('"restored"') for worker in workers[1:])
    return (
        f"2 of 3 workers of a group killed for good, their disks gone; {restored} × a shard restored from its backup; "
        "the last one had all shards"
    )


def paused(lab: Lab, scale: Scale, draw: random.Random) -> str:
    """A worker of a group is stopped for longer than its session, loses its shards, and wakes up."""
    # Who commits while another comes back may be fenced too: that is what a supervisor is for.
    lab.supervised = True
    config = lab.configure(ownership="group", name="-group")
    zombie = lab.start(0, config=config)
    lab.ready(zombie)
    part = scale.records // (2 * scale.times + 1)
    ends: Counter[str] = Counter()
    other = lab.start(1, config=config)
    for _ in range(scale.times):
        lab.feed(part)
        time.sleep(draw.uniform(0.0, 0.5))
        os.kill(zombie.process.pid, signal.SIGSTOP)
        lab.feed(part)
        lab.follow(other)
        os.kill(zombie.process.pid, signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            zombie.process.wait(scale.lasts_s)
        ends["fenced" if zombie.said("state.fenced") else "gave up by itself"] += 1
        if zombie.gone:
            zombie = lab.start(0, config=config)
            lab.ready(zombie)
    lab.feed(scale.records - lab.fed)
    lab.drain(other, zombie)
    done = "; ".join(f"{count} × woken up and {words}" for words, count in sorted(ends.items()))
    return f"{done}{lab.supervision}"


FAULTS: Mapping[str, Fault] = {
    "kill": killed,
    "torn-wal": torn,
    "ingest": twice,
    "broker-restart": restarted,
    "broker-silent": unreachable,
    "disk-full": full,
    "clock": leaping,
    "disk-lost": erased,
    "rescale": rescaled,
    "worker-lost": lost,
    "worker-paused": paused,
}


@contextlib.contextmanager
def fed(lab: Lab, scale: Scale) -> Iterator[tuple[Worker, Callable[[int], int]]]:
    """A worker that decides, and what feeds it."""
    worker = lab.start()
    lab.ready(worker)
    yield worker, lab.feed
    if lab.fed < scale.records // 2:
        raise LabError("the stream was not fed")


@contextlib.contextmanager
def small_disk(lab: Lab) -> Iterator[tuple[Path, str, Callable[[Worker], None]]]:
    """A place for state that is too small, in words, and what must be done to the worker.

    A file system of its own where we may mount one; else a limit on the size of the worker's files.
    """
    place = lab.directory / "small"
    place.mkdir()
    size = f"size={DISK_BYTES}"
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    try:
        if mounted:
            yield place / "state", f"tmpfs of {DISK_BYTES >> 20} MB", lambda _: None
        else:
            limit = 1 << 16
            yield (
                place / "state",
                f"files limited to {limit >> 10} KB",
                lambda worker: _limit(worker, limit),
            )
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def _limit(worker: Worker, size: int) -> None:
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (size, size))


def _tear(shard: Path, draw: random.Random) -> int:
    """Cut a random part off the end of the newest write-ahead log; how many bytes."""
    logs = sorted(shard.glob("*.log"), key=lambda path: int(path.stem))
    if not logs:
        return 0
    size = logs[-1].stat().st_size
    keep = draw.randrange(size + 1)
    os.truncate(logs[-1], keep)
    return size - keep


def _let_go_on(shard: Path) -> bool:
    """Do what the hint says where a shard is older than what was safe; whether it was."""
    if not shard.is_dir():
        return False
    try:
        positions_of(shard)
    except StateError as error:
        if error.code != "state.corrupt" or synced.NAME not in error.hint:
            raise
        (shard / synced.NAME).unlink()
        return True
    return False


def _spoil(place: Path, draw: random.Random) -> int:
    """Flip a byte of a file that only the newest backup of a shard has; of how many shards."""
    spoilt = 0
    for shard in shards_in(depot := open_depot(str(place))):
        backups = ShardBackups(depot, shard)
        *older, newest = map(backups.read, backups.names())
        shared = {file.digest for one in older for file in one.files}
        alone = [file for file in newest.files if file.size and file.digest not in shared]
        if older and alone:
            path = place / f"shard-{shard:04d}" / "files" / draw.choice(alone).digest
            content = bytearray(path.read_bytes())
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            path.write_bytes(content)
            spoilt += 1
    return spoilt
