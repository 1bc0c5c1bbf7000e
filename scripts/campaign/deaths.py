"""Workers that live briefly: started, fed, killed with kill -9 at a random moment, started again."""

import random
import time
from collections import Counter
from dataclasses import dataclass

from scripts.campaign.lab import STEP_S, Lab
from scripts.campaign.worker import LabError, Worker

START_SHARE = 0.25
"""Of the kills, those that strike while the worker is still starting."""
BUSY_S = 1.0


@dataclass(slots=True)
class Life:
    """One worker's present life; ``kill_at`` is known once the moment is drawn."""

    ordinal: int
    worker: Worker
    early: bool
    kill_at: float | None


class Lives:
    """Kills workers again and again while the stream is fed in step with the kills."""

    def __init__(
        self,
        lab: Lab,
        draw: random.Random,
        *,
        workers: int,
        flow: str = "decide",
        module: str = "flows",
    ) -> None:
        """Nothing runs yet."""
        self._lab = lab
        self._draw = draw
        self._workers = workers
        self._flow = flow
        self._module = module
        self.deaths: Counter[str] = Counter()

    def end(self, times: int, *, records: int, roles: bool = False) -> None:
        """Kill ``times`` workers by the time that ``records`` were fed."""
        lab, first = self._lab, self._lab.fed
        lives: list[Life] = []
        struck = 0
        while struck < times:
            while len(lives) < min(self._workers, times - struck):
                free = min(set(range(self._workers)) - {life.ordinal for life in lives})
                lives.append(self._born(free))
            due = first + (records - first) * (struck + 1) // times
            if lab.fed < due:
                lab.feed(min(due - lab.fed, 500), roles=roles)
            for life in list(lives):
                if self._struck(life):
                    lives.remove(life)
                    struck += 1
            time.sleep(STEP_S)
        for life in lives:
            life.worker.kill()
        while lab.fed < records and lab.feed(500, roles=roles):
            pass

    def words(self) -> str:
        """What died when."""
        return ", ".join(f"{count} killed {when}" for when, count in sorted(self.deaths.items()))

    def _born(self, ordinal: int) -> Life:
        early = self._draw.random() < START_SHARE
        worker = self._lab.start(ordinal, self._workers, flow=self._flow, module=self._module)
        at = time.monotonic() + self._draw.uniform(0, self._lab.start_s) if early else None
        return Life(ordinal, worker, early, at)

    def _struck(self, life: Life) -> bool:
        now = time.monotonic()
        if life.worker.gone:
            raise LabError(
                f"a worker ended by itself with {life.worker.process.returncode}: see {life.worker.log}"
            )
        if life.kill_at is None:
            if life.worker.up:
                life.kill_at = now + self._draw.uniform(0, BUSY_S)
            return False
        if now < life.kill_at:
            return False
        self.deaths["at work" if life.worker.up else "while starting"] += 1
        life.worker.kill()
        return True
