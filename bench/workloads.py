"""What is measured, in which order, and how large."""

from dataclasses import dataclass, field


@dataclass
class Workload:
    name: str
    title: str
    # What the C program takes as SIZE, and what one of it is. A quick size of 0: too long for a quick run.
    size: int
    quick_size: int
    unit: str
    quick_rounds: int = 3
    rounds: int = 7
    # Workers for each that is asked for, as the C program has it.
    crowd: int = 1
    # Metrics of which more is better; of all others less is.
    more_is_better: list = field(default_factory=list)


SPEED_UP = ["speed-up"]
SWEPT = ["of-4", "of-64", "of-1024"]

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
    Workload("fork", "Fork and join: a Fibonacci number, a fork a call", 30, 24, "as the argument", 2, 5,
             more_is_better=SPEED_UP),
    Workload("fork-long", "Fork and join: a larger Fibonacci number", 38, 0, "as the argument", rounds=3,
             more_is_better=SPEED_UP),
    Workload("nqueens", "Fork and join: the n queens", 13, 11, "queens", 1, 5, more_is_better=SPEED_UP),
    Workload("matmul", "Fork and join: matrix multiplication", 512, 256, "rows", 1, 5, more_is_better=SPEED_UP),
    Workload("strassen", "Fork and join: matrix multiplication by Strassen", 512, 256, "rows", 1, 5,
             more_is_better=SPEED_UP),
    Workload("quicksort", "Fork and join: quicksort", 2_000_000, 100_000, "numbers", 1, 5, more_is_better=SPEED_UP),
    Workload("uts-t1", "Unbalanced tree search: T1, geometric", 10, 7, "as the depth", 1, 3, more_is_better=SPEED_UP),
    Workload("uts-t3", "Unbalanced tree search: T3, binomial", 2_000, 0, "as the root's children", 1, 3,
             more_is_better=SPEED_UP),
    Workload("triangle", "A loop whose item i costs i, grain 16", 8_192, 2_048, "items", 1, 5,
             more_is_better=SPEED_UP + ["of-copies"]),
    Workload("triangle-auto", "A loop whose item i costs i, as the pool likes it", 8_192, 2_048, "items", 1, 5,
             more_is_better=SPEED_UP + ["of-copies"]),
    Workload("saxpy", "A loop that waits for memory: y = a x + y, grain 16,384", 4_000_000, 200_000, "numbers", 1, 5,
             more_is_better=SPEED_UP),
    Workload("loop-launch", "A loop of two empty items: back to back, and 200 us apart", 20_000, 3_000, "loops", 2, 5),
    Workload("loop-1", "Loops by the size of an item, grain 1", 4_000, 500, "us a run", 1, 3,
             more_is_better=SWEPT),
    Workload("loop-16", "Loops by the size of an item, grain 16", 4_000, 0, "us a run", 1, 3,
             more_is_better=SWEPT),
    Workload("loop-256", "Loops by the size of an item, grain 256", 4_000, 0, "us a run", 1, 3,
             more_is_better=SWEPT),
    Workload("loop-auto", "Loops by the size of an item, as the pool likes it", 4_000, 500, "us a run", 1, 3,
             more_is_better=SWEPT),
    Workload("gang", "A gang whose members meet once", 5_000, 500, "gangs", 2),
    Workload("sort-i32", "Sort of numbers, no function called", 10_000_000, 200_000, "numbers", 1, 3),
    Workload("sort-compare", "Sort of numbers by a function that compares", 10_000_000, 100_000, "numbers", 1, 3),
    Workload("sort-records", "Sort of records of 16 bytes by a number in them", 2_000_000, 100_000, "records", 1, 3),
    Workload("sort-strings", "Sort of strings by a function that compares", 500_000, 50_000, "strings", 1, 3),
]
