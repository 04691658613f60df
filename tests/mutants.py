#!/usr/bin/env python3
"""Breaks one line of tp at a time, one for each path that completes or wakes, and sees to it that some test fails.

usage: tests/mutants.py [PATTERN]...    those whose name has one of the patterns; all without one

A mutant is caught if the tests that are named fail, or do not come to an end. One that no test catches, or whose line is
not there any more, is a failure of this script.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The longest that a test may take that is not hung.
SECONDS = 60


@dataclass
class Mutant:
    name: str
    file: str
    line: str
    instead: str
    # "loom", "shuttle": a part of the name of its models; "c": programs of tests/c.
    loom: str = ""
    shuttle: str = ""
    c: str = ""


MUTANTS = [
    # ---- Sleep and wake
    Mutant("a parked worker is popped and not woken", "sleep.rs",
           "        self.signal.store(1, Release);\n        self.signal.wake_one();", "        self.signal.store(1, Release);",
           loom="sleep"),
    Mutant("the last searcher does not know that it is", "sleep.rs", "before.searching() == 1", "false", c="reserve load"),
    Mutant("no fence after falling asleep", "sleep.rs",
           "                Err(now) => crew = Crew(now),\n            }\n        }\n        fence_after_rmw();",
           "                Err(now) => crew = Crew(now),\n            }\n        }", loom="sleep"),
    Mutant("a submit wakes nobody", "submit.rs",
           "        self.queue(task)?;\n        self.sleep.task_added(&self.workers);", "        self.queue(task)?;", c="load"),
    Mutant("a searcher that finds wakes nobody", "search.rs",
           "if pool.sleep.stop_searching() && pool.has_work()", "if pool.sleep.stop_searching() && false",
           c="reserve loop gang group"),
    Mutant("no look between falling asleep and waiting", "search.rs", "} else if pool.has_work() {",
           "} else if false {", shuttle="shuttle_"),
    Mutant("a reserve that is not needed stays for ever", "search.rs",
           "false => Deadline::At(now_ns().saturating_add(IDLE_NS)),", "false => Deadline::Never,", c="reserve"),
    Mutant("a task that could not be queued wakes nobody", "late.rs",
           "        fence(SeqCst);\n        self.sleep.task_added(&self.workers);", "", c="memory"),
    Mutant("a continuation wakes nobody", "submit.rs",
           "            result => result?,\n        }\n        self.sleep.task_added(&self.workers);",
           "            result => result?,\n        }", c="future group"),
    Mutant("a resume wakes nobody", "control.rs", "        fence(SeqCst);\n        self.sleep.task_added(&self.workers);",
           "", c="lifecycle"),
    # ---- Completion, and waits for the pool
    Mutant("a task counts as ended before it runs", "search.rs",
           "        let discards = self.pool.state() == State::Discarding;",
           "        self.worker.lane.end();\n        let discards = self.pool.state() == State::Discarding;", c="lifecycle"),
    Mutant("a task never counts as ended", "search.rs", "        self.worker.lane.end();\n    }", "    }", c="load"),
    Mutant("a worker without work answers nobody", "search.rs", "        pool.answer_waiters();\n", "", c="lifecycle"),
    Mutant("the bell does not change", "quiet.rs", "            self.bell.fetch_add(1, AcqRel);\n", "",
           shuttle="shuttle_"),
    Mutant("the bell wakes nobody", "quiet.rs", "            self.bell.wake_all();\n", "", c="lifecycle"),
    Mutant("nobody is answered who ended elsewhere", "submit.rs",
           "        self.rest.end_shared();\n        self.answer_waiters();", "        self.rest.end_shared();",
           c="capacity cancel lifecycle"),
    Mutant("what ends elsewhere does not count", "submit.rs", "        self.rest.end_shared();\n", "", c="capacity"),
    # ---- Waits for futures and groups
    Mutant("a listed waiter is taken off and not told", "wait.rs",
           "            unsafe { Waiter::tell(link.waiter.get()) };\n", "", loom="wait", c="future"),
    Mutant("a future tells nobody", "future/mod.rs", "        links.waiters.tell_all();\n", "", c="future"),
    Mutant("a future does not look who is linked", "future/mod.rs", "(word & LINKED == 0 && !has_input)", "(true)",
           c="future"),
    Mutant("a future's followers are forgotten", "future/mod.rs",
           "        followers.settle(state == DONE, value);\n", "        let _ = (followers, value);\n", c="future"),
    Mutant("a group tells nobody", "group/end.rs", "        tree.waiters.tell_all();\n", "", c="group"),
    Mutant("a group counts no end above", "group/end.rs", "for group in self.chain() {", "for group in self.chain().take(1) {",
           c="group"),
    Mutant("a group forgets its notices", "group/end.rs",
           "        unsafe { notices.append(core::mem::replace(&mut tree.notices, Jobs::NONE)) };",
           "        let _ = notices;", c="group"),
    Mutant("a waiter is not replaced", "reserve.rs",
           "        self.reserve.counts.fetch_add(1, AcqRel);\n        self.call_reserve(None).map(drop)",
           "        self.reserve.counts.fetch_add(1, AcqRel);\n        Ok(())", c="reserve"),
    Mutant("a recalled reserve is not woken", "reserve.rs",
           "        if recalled {\n            self.place.wake_all();\n        }", "", c="reserve"),
    Mutant("who goes on counts as blocked for ever", "wait.rs", "            blocked.fetch_sub(1, AcqRel);\n", "",
           c="reserve future group"),
    # ---- Capacity
    Mutant("room is given back in silence", "capacity.rs", "            self.freed.wake_one();\n", "", loom="capacity"),
    Mutant("room is given back and not marked", "capacity.rs",
           "            self.freed.fetch_add(1, AcqRel);\n            self.freed.wake_one();",
           "            self.freed.wake_one();", loom="capacity"),
    Mutant("a shutdown does not end waits for room", "capacity.rs", "        self.freed.wake_all();\n", "", loom="capacity"),
    # ---- Fork-join, loops, gangs
    Mutant("a popped branch was stolen", "deque.rs",
           "slot.state.compare_exchange(FULL, EMPTY, AcqRel, Acquire).is_ok()",
           "slot.state.swap(EMPTY, AcqRel) == FULL", loom="deque"),
    Mutant("a loop goes while it is visited", "deque.rs",
           "        slot.wait_for_visitors();\n        self.next.set(slot);", "        self.next.set(slot);", loom="deque"),
    Mutant("a thief's end tells nobody", "slot.rs", "            unsafe { Waiter::tell(self.waiter.load(Acquire)) };\n",
           "", c="invoke"),
    Mutant("a fork wakes nobody", "parallel/invoke.rs", "    pool.sleep.task_added(&pool.workers);\n", "", c="invoke"),
    Mutant("a loop wakes nobody", "launch.rs", "        let wake = || self.sleep.task_added(&self.workers);", "        let wake = || {};", c="loop"),
    Mutant("the last share of a loop tells nobody", "parallel/range.rs",
           "        unsafe { Waiter::tell(this.waiter.load(Acquire)) };\n", "", c="loop"),
    Mutant("a share of a loop is not counted", "parallel/range.rs", "        this.left.fetch_add(ONE, AcqRel);\n", "",
           c="loop"),
    Mutant("a thief takes what the owner takes", "parallel/range.rs",
           "match range.compare_exchange_weak(now, left, AcqRel, Acquire) {",
           "match Ok::<u64, u64>(range.swap(left, AcqRel)) {", shuttle="shuttle_branches"),
    Mutant("a drafted worker is not woken", "duty.rs", "            worker.seat.wake();\n", "", c="gang"),
    Mutant("a gang's gate wakes nobody", "parallel/gang.rs", "        self.gate.wake_all();\n", "", c="gang"),
    Mutant("the last of a gang tells nobody", "parallel/gang.rs",
           "        unsafe { Waiter::tell(gang.waiter.load(Acquire)) };\n", "", c="gang"),
    # ---- Records, locks, and a pool's life
    Mutant("a claimed job is ended by its queue too", "turn.rs", "            CLAIMED => Left::Claimed,",
           "            CLAIMED => Left::Unclaimed,", loom="turn"),
    Mutant("a claimed job is given back twice", "turn.rs", "            CLAIMED => Left::Claimed,",
           "            CLAIMED => Left::LetGo,", loom="turn"),
    Mutant("a short lock lets two in", "short_lock.rs", "while self.0.swap(WANTED, AcqRel) != FREE {",
           "while self.0.swap(WANTED, AcqRel) == WANTED {", loom="short_lock"),
    Mutant("workers that may go are not told", "control.rs",
           "        self.wanted.store(0, Release);\n        self.wake_all();", "        self.wanted.store(0, Release);",
           c="lifecycle"),
    Mutant("a start opens its gate in silence", "control.rs", "        self.gate.wake_all();\n", "", c="lifecycle"),
    Mutant("the last worker ends in silence", "worker.rs", "    pool.alive.wake_all();\n", "", c="lifecycle"),
    Mutant("a pool's end cancels no continuation", "control.rs",
           "            self.let_workers_go();\n            self.tell_clients();\n            loop {",
           "            self.let_workers_go();\n            loop {", c="future"),
    Mutant("a discard leaves what is queued", "control.rs", "            self.drop_here(task, Error::ShutDown);\n        }\n        while",
           "        }\n        while", c="lifecycle"),
]


class Tree:
    """A copy of the project that is broken and mended again, and what it is built with."""

    def __init__(self, place):
        self.source = place / "tp"
        ignore = shutil.ignore_patterns("target", "build", ".git", "demo", "fuzz")
        shutil.copytree(ROOT, self.source, ignore=ignore)
        self.build = place / "build"

    def path(self, file):
        return self.source / "src" / (file if "/" in file else f"engine/{file}")

    def run(self, command, seconds=1200, **variables):
        """True if it ends well and in time."""
        environment = dict(os.environ, CARGO_PROFILE_RELEASE_LTO="off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS="16", **variables)
        process = subprocess.Popen(command, cwd=self.source, env=environment, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return process.wait(timeout=seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return False

    def builds(self, target):
        configured = self.run(["cmake", "-B", self.build, "-DTP_BUILD_EXAMPLES=OFF"])
        return configured and self.run(["cmake", "--build", self.build, "--target", target])

    def models_pass(self, kind, name, only_build=False):
        """The models whose name has `name`, by loom or by shuttle."""
        optimized = ["--release"] if kind == "loom" else []
        command = ["cargo", "test", "--locked", "--lib", "--target-dir", self.build / kind] + optimized
        how = ["--no-run"] if only_build else [name]
        return self.run(command + how, seconds=600, RUSTFLAGS=f"--cfg {kind}")

    def c_passes(self, name):
        return self.run([self.build / "tests" / f"tp_test_c_{name}"], seconds=SECONDS, TP_TEST_SCALE="small")


def catcher(mutant, tree):
    """The test that fails for it; None if none does."""
    for kind, name in (("loom", mutant.loom and f"{mutant.loom}::model"), ("shuttle", mutant.shuttle)):
        if name:
            if not tree.models_pass(kind, name, only_build=True):
                raise ValueError(f"does not compile for {kind}")
            if not tree.models_pass(kind, name):
                return f"{kind} {name}"
    if mutant.c:
        if not tree.builds("tp_libraries"):
            raise ValueError("does not compile")
        for name in mutant.c.split():
            if not tree.c_passes(name):
                return name
    return None


def main(patterns):
    chosen = [mutant for mutant in MUTANTS if not patterns or any(pattern in mutant.name for pattern in patterns)]
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        tree = Tree(Path(place))
        if not tree.builds("all"):
            sys.exit("the tests do not build")
        for mutant in chosen:
            path = tree.path(mutant.file)
            whole = path.read_text()
            try:
                if whole.count(mutant.line) != 1:
                    raise ValueError(f"its line is {whole.count(mutant.line)} times in {mutant.file}")
                path.write_text(whole.replace(mutant.line, mutant.instead))
                caught = catcher(mutant, tree)
                verdict = f"caught by {caught}" if caught else "NOT CAUGHT"
            except ValueError as error:
                caught, verdict = None, f"FAILED: {error}"
            path.write_text(whole)
            bad += not caught
            print(f"{mutant.name}: {verdict}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} mutants caught")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
