"""Shards over the actors of a Ray cluster, pipelined: a group of a shard begins as soon as the one before it is done."""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from datagen.errors import DatagenError, EngineError
from datagen.run.at_hand import waits
from datagen.run.job import GROUPS, STAGES_OF, Job, Outcome
from datagen.run.meter import Progress
from datagen.run.ray import connection
from datagen.run.ray.calls import Call, Calls
from datagen.run.ray.crews import Crew, check_room, crews_of
from datagen.run.ray.staff import Hand, Staff, broken, why
from datagen.run.ray.worker import TELL_S, Answer, Listener
from datagen.run.request import Run
from datagen.run.writing import Ended, Over
from datagen.store.files import TEMPORARY, remove_temporary, write_bytes

_POLL_S = 0.2
"""How long a look at what the actors have answered waits at most; new calls are seen that much later."""
_END_S = 10.0
_GONE_S = 1.0
"""A cluster says that an actor is gone a moment before its process is."""
_TOLD_S = 10.0
"""So long nobody is told that there is no room in the cluster: a place may be freed at any moment."""


class RayPool:
    """Actors that run shards; `on_progress` is called in this process, from the pool's thread.

    A local cluster (`run.ray.address = local`) gets `n_cpus` processors. Raises UserError where Ray is missing, no cluster answers, or
    it has no room for an actor of each group; later, in the futures, EngineError where actors die again and again.
    """

    def __init__(self, run: Run, n_cpus: int, on_progress: Callable[[Progress], None]) -> None:
        self._run, self._on_progress = run, on_progress
        self._options = run.build.recipe.run.ray
        self._work = run.work.absolute()
        self._mine = connection.connect(self._options.address, n_cpus)
        self._token = self._work / f"{TEMPORARY}ray-{secrets.token_hex(8)}"
        try:
            self._crews = crews_of(self._options, len(run.jobs), waits(run.build))
            check_room(self._crews, connection.cluster())
            write_bytes(self._token, b"")
            self._listener = _listener()
            self._staff = Staff(self._crews, self._listener, self._token, self._options.wait_s)
        except BaseException:
            self._leave()
            raise
        self._calls = Calls(self._crews, len(run.jobs), self._options.ahead)
        self._inbox: SimpleQueue[Call] = SimpleQueue()
        self._at: dict[Hand, Call] = {}
        self._written: dict[str, Future[Outcome]] = {job.shard.name: Future() for job in run.jobs}
        self._died_writing: list[str] = []
        self._lost_any = False
        self._without: dict[Crew, float] = {}
        self._minded_s = time.monotonic()
        self._telling: Any = None
        self._told_s = time.monotonic()
        self._door = threading.Lock()
        self._ended: BaseException | None = None
        """Why nothing is taken in any more, which is what every later caller is told."""
        self._thread = threading.Thread(target=self._lead, name="ray", daemon=True)
        self._thread.start()

    def shard(self, job: Job) -> "Future[list[Outcome]]":
        """All groups of a shard, each in an actor that does it."""
        whole: Future[list[Outcome]] = Future()
        self._chain(job, [], whole)
        return whole

    def _chain(self, job: Job, made: list[Outcome], whole: "Future[list[Outcome]]") -> None:
        def then(done: "Future[Outcome]") -> None:
            if (error := done.exception()) is not None:
                whole.set_exception(error)
                return
            made.append(done.result())
            if len(made) == len(GROUPS):
                whole.set_result(made)
            else:
                self._chain(job, made, whole)

        self.group(job, GROUPS[len(made)]).add_done_callback(then)

    def group(self, job: Job, group: str) -> "Future[Outcome]":
        """One group of a shard."""
        if group == GROUPS[0] and self._crews[0].writes:
            return self._written[job.shard.name]
        future: Future[Outcome] = Future()
        with self._door:
            if self._ended is None:
                self._inbox.put(Call(replace(job, work=str(self._work)), group, future))
            else:
                future.set_exception(self._ended)
        return future

    def __enter__(self) -> "RayPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(Ended("the pool was closed."))
        self._thread.join(_END_S)
        self._fail()
        if kind is None:
            self._last_words()
        if self._staff.end_all(_END_S) or self._lost_any:
            time.sleep(_GONE_S)
            remove_temporary(self._work)  # what actors had half-made when they died
        self._leave()

    def _leave(self) -> None:
        self._token.unlink(missing_ok=True)
        if self._mine:
            connection.disconnect()

    def _lead(self) -> None:
        """The pool's thread: the only one that hands out work and takes answers."""
        try:
            while self._ended is None:
                self._take_in()
                self._staff.scan(self._wanted)
                self._hand_out()
                self._mind()
                for ref in self._answers():
                    self._answered(ref)
        except BaseException as error:  # whoever waits for a shard is told
            self._close(error)
            self._fail()

    def _take_in(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._calls.add(self._inbox.get_nowait())

    def _wanted(self, crew: Crew) -> bool:
        return bool(self._unwritten()) if crew.writes else self._calls.wanted(crew)

    def _unwritten(self) -> list[Job]:
        return [job for job in self._run.jobs if not self._written[job.shard.name].done()]

    def _hand_out(self) -> None:
        for hand in self._staff:
            if not hand.idle:
                continue
            if hand.crew.writes:
                if jobs := self._unwritten():
                    self._staff.give_all(hand, [replace(job, work=str(self._work)) for job in jobs])
                continue
            call = self._calls.next(hand.crew, hand.shard, self._staff.up)
            if call is not None:
                self._at[hand] = call
                self._staff.give(hand, call.job, call.group)

    def _mind(self) -> None:
        """Ends actors of which nothing is heard, and gives up the calls of a crew that nobody has been up of for `run.ray.wait_s`."""
        now = time.monotonic()
        # Of a longer pause this process itself was asleep: no fault of an actor's.
        passed_s, self._minded_s = min(now - self._minded_s, 5 * _POLL_S), now
        for hand in tuple(self._at):
            hand.silent_s += passed_s
            if hand.silent_s > (stall_s := self._run.build.recipe.run.stall_s):
                self._over(hand, f"nothing was heard of it for {stall_s:g} s (run.stall_s), and it was ended")
        for crew in self._crews:
            work = bool(self._unwritten()) if crew.writes else self._calls.waits(crew)
            if not work or self._staff.up(crew):
                self._without.pop(crew, None)
                continue
            since_s = self._without.setdefault(crew, now)
            waited_s = now - since_s
            if waited_s > self._options.wait_s:
                self._give_up(crew, _no_room(crew, self._options.wait_s))
            elif waited_s > _TOLD_S >= waited_s - passed_s and all(hand.crew is not crew for hand in self._staff):
                line = f"no node has had room for {crew.told()} for {_TOLD_S:g} s; waiting up to {self._options.wait_s:g} s."
                self._on_progress(Progress(STAGES_OF[crew.groups[0]][0], notice=line))

    def _answers(self) -> list[Any]:
        """What the actors have answered by now, or within a moment."""
        import ray

        if self._telling is None and time.monotonic() - self._told_s > TELL_S:
            self._telling = self._listener.take.remote()
        refs = [hand.waiting for hand in self._staff if hand.waiting is not None]
        refs += [self._telling] if self._telling is not None else []
        if not refs:
            time.sleep(_POLL_S)
            return []
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        return ready or ray.wait(refs, num_returns=1, timeout=_POLL_S)[0]  # type: ignore[no-any-return]

    def _answered(self, ref: Any) -> None:
        import ray

        if ref is self._telling:
            self._telling, self._told_s = None, time.monotonic()
            with contextlib.suppress(ray.exceptions.RayError):  # it is started again, and told the rest
                self._pass_on(ray.get(ref))
            return
        hand = next((hand for hand in self._staff if hand.waiting is ref), None)
        if hand is None:
            return
        try:
            if not hand.up:
                self._staff.welcome(hand, ray.get(ref))
            elif hand.crew.writes:
                self._wrote(hand, ref)
            else:
                self._done(hand, ray.get(ref))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error  # a fault of ours, with its own traceback
        except ray.exceptions.RayError as error:
            self._lost(hand, error)

    def _done(self, hand: Hand, answer: Answer) -> None:
        call, hand.waiting = self._at.pop(hand), None
        if isinstance(answer.outcome, DatagenError):
            call.future.set_exception(answer.outcome)
        else:
            self._calls.done(call.group)
            call.future.set_result(self._as_here(answer.outcome))
        if answer.too_large:  # its memory goes back with it; another takes its place
            self._staff.end(hand)

    def _wrote(self, hand: Hand, stream: Any) -> None:
        import ray

        try:
            answer = ray.get(next(stream))
        except StopIteration:
            hand.waiting = None
            return
        self._died_writing.clear()
        if isinstance(answer, DatagenError):
            hand.waiting = None
            self._give_up(hand.crew, answer)
        else:
            self._written[answer.shard.name].set_result(self._as_here(answer))

    def _as_here(self, outcome: Outcome) -> Outcome:
        """The outcome with its folder as this process names it: the actors have full paths."""
        return replace(outcome, folder=str(self._run.work / Path(outcome.folder).relative_to(self._work)))

    def _lost(self, hand: Hand, error: Exception) -> None:
        """An actor is gone. What it was at is done again by another, unless it was the actor's death too often."""
        if (fault := broken(hand, error)) is not None:
            raise fault
        self._over(hand, why(error))

    def _over(self, hand: Hand, how: str) -> None:
        self._staff.end(hand)
        self._lost_any = True
        self._staff.scan(self._wanted, at_once=True)
        call = self._at.pop(hand, None)
        what = call.job.shard.name if call is not None else " and ".join(hand.crew.groups)
        died_on = call.died_on if call is not None else self._died_writing
        died_on.append(hand.node_id)
        # A node that is gone is no fault of the shard's; the cluster may take some seconds to see it, so it is asked of all of them.
        deaths = sum(map(self._staff.alive, died_on))
        if deaths < self._options.deaths:
            if call is not None:
                self._calls.again(call)
            line = f"{what}: an actor died on node {hand.node}: {how}; it is done again."
            self._on_progress(Progress(STAGES_OF[hand.crew.groups[0]][0], notice=line))
            return
        gone = Over(
            f"{what}: {deaths} actors died under it (run.ray.deaths), the last on node {hand.node}: {how}. What is done is kept: run "
            "the same command again."
        )
        if call is not None:
            call.future.set_exception(gone)
        else:
            self._give_up(hand.crew, gone)

    def _give_up(self, crew: Crew, error: DatagenError) -> None:
        """Tells all who wait for a crew."""
        for call in [] if crew.writes else self._calls.take_all(crew):
            call.future.set_exception(error)
        for future in self._written.values() if crew.writes else []:
            if not future.done():
                future.set_exception(error)

    def _close(self, error: BaseException) -> None:
        with self._door:
            self._ended = self._ended or error

    def _fail(self) -> None:
        """Tells everybody who waits for anything why it is over."""
        self._take_in()
        calls = (*self._calls.take_all(), *self._at.values())
        self._at.clear()
        for future in (*(call.future for call in calls), *self._written.values()):
            if not future.done():
                future.set_exception(self._ended)

    def _last_words(self) -> None:
        """What the actors told since it was asked for last."""
        import ray

        with contextlib.suppress(ray.exceptions.RayError):
            if self._telling is not None:
                self._pass_on(ray.get(self._telling, timeout=_END_S))
            self._pass_on(ray.get(self._listener.take.remote(), timeout=_END_S))

    def _pass_on(self, steps: Sequence[tuple[int, Progress]]) -> None:
        for number, step in steps:
            self._staff.heard(number)
            self._on_progress(step)


def _listener() -> Any:
    """The listener, on the driver's own node: it is gone no sooner than the driver is."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Listener).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()


def _no_room(crew: Crew, wait_s: float) -> EngineError:
    return Over(
        f"no node has had room for {crew.told()} for {wait_s:g} s (run.ray.wait_s): nodes are gone, or others hold them. What is "
        "done is kept: run the same command again."
    )
