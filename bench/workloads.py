"""What is measured, in which order, and how large."""

from dataclasses import dataclass, field


@dataclass
class Workload:
    name: str
    title: str
    # What the C program takes as SIZE, and what one of it is.
    size: int
    quick_size: int
    unit: str
    quick_rounds: int = 3
    # Workers for each that is asked for, as the C program has it.
    crowd: int = 1
    # Metrics of which more is better; of all others less is.
    more_is_better: list = field(default_factory=list)


WORKLOADS = [
    Workload("outside-1", "Outside submit, 1 producer", 1_000_000, 200_000, "tasks"),
    Workload("outside-4", "Outside submit, 4 producers", 1_000_000, 200_000, "tasks"),
    Workload("tree", "Submit from a task: a tree, ten children a task", 6, 5, "levels"),
    Workload("one-parent", "Submit from a task: one task with all the children", 1_000_000, 200_000, "children"),
    Workload("chain", "A chain: each task submits the next", 200_000, 30_000, "tasks"),
    Workload("wake-up", "Submit to start, on an idle pool; the caller then sleeps", 3_000, 1_000, "samples"),
    Workload("wake-up-beside", "Submit to start, on an idle pool; the caller goes on", 3_000, 1_000, "samples"),
    Workload("ping-pong", "Ping-pong: submit and wait, one task at a time", 20_000, 3_000, "tasks"),
    Workload("mixed", "Mixed sizes: exponential, 1 us mean, against plain threads", 200_000, 30_000, "tasks",
             more_is_better=["efficiency"]),
    Workload("metg", "The smallest task at which the workers are 50% efficient", 10_000, 2_000, "us a run"),
    Workload("outside-crowded", "Four workers a CPU: outside submit, 1 producer", 1_000_000, 200_000, "tasks",
             crowd=4),
    Workload("tree-crowded", "Four workers a CPU: a tree", 6, 5, "levels", crowd=4),
    Workload("outside-busy", "Another process holds one CPU: outside submit, 1 producer", 1_000_000, 200_000, "tasks"),
    Workload("futures", "Futures from outside: ask for all, then wait for each", 100_000, 10_000, "results"),
    Workload("futures-inside", "Futures in tasks: Fibonacci numbers, a future a call", 20, 16, "as the argument"),
    Workload("group", "A group from outside: submit to it and wait, again and again", 100_000, 10_000, "tasks"),
    Workload("group-inside", "Groups in tasks: Fibonacci numbers, a group a call", 20, 16, "as the argument"),
    Workload("timer", "CPU of a timer that submits an empty task every 1 ms", 2_000, 300, "ticks", 2),
    Workload("idle", "Idle CPU, from 1 ms after a burst", 1_000, 250, "ms", 2),
    Workload("pending", "Memory of tasks that wait", 1_000_000, 1_000_000, "tasks", 2),
    Workload("create", "Create, run one task, destroy", 200, 20, "pools"),
]
