"""tp from a language that only has ctypes: structs by their layout, C functions by address, Python functions as tasks.

TP_LIBRARY in the environment is the path of libtp.so.
"""

import ctypes
import multiprocessing
import os
import threading
import unittest
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

OK, EINVAL, ESHUTDOWN, EFULL, ETIMEDOUT, ECANCELED, EDEADLK, EFORKED, EBUSY, ENOTSUP = 0, -1, -4, -5, -6, -7, -8, -9, -10, -11
FULL_FAIL, FULL_DROP_OLDEST = 1, 3
DRAIN, DISCARD = 0, 1
PENDING, RUNNING, DONE, CANCELED = 0, 1, 2, 3
FOREVER = 2**64 - 1
LIMIT = 100 * 10**9

TASK = CFUNCTYPE(None, c_void_p)
ASYNC = CFUNCTYPE(c_void_p, c_void_p)
THEN = CFUNCTYPE(c_void_p, c_void_p, c_void_p)
DROP = CFUNCTYPE(None, c_void_p, c_int32)
HOOK = CFUNCTYPE(None, c_void_p, c_uint32)


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("threads", c_uint32),
        ("max_reserve", c_uint32),
        ("name", c_char_p),
        ("stack_size", c_size_t),
        ("cpus", POINTER(c_uint32)),
        ("cpus_len", c_size_t),
        ("on_start", HOOK),
        ("on_stop", HOOK),
        ("hook_ctx", c_void_p),
        ("capacity", c_uint64),
        ("when_full", c_int32),
        ("reserved", c_uint32),
    ]


class TaskOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("priority", c_int32),
        ("reserved", c_uint32),
        ("drop", DROP),
    ]


# Tasks are bound as plain addresses, so that a C function and a Python callback are passed in the same way.
PROTOTYPES = {
    "tp_status_string": (c_char_p, [c_int32]),
    "tp_version": (c_char_p, []),
    "tp_options_init": (c_int32, [POINTER(Options), c_size_t]),
    "tp_task_options_init": (c_int32, [POINTER(TaskOptions), c_size_t]),
    "tp_create": (c_int32, [POINTER(Options), POINTER(c_void_p)]),
    "tp_destroy": (c_int32, [c_void_p]),
    "tp_shutdown": (c_int32, [c_void_p, c_int32, c_uint64]),
    "tp_default": (c_void_p, []),
    "tp_thread_count": (c_uint32, [c_void_p]),
    "tp_queued": (c_uint64, [c_void_p]),
    "tp_resize": (c_int32, [c_void_p, c_uint32]),
    "tp_pause": (c_int32, [c_void_p]),
    "tp_resume": (c_int32, [c_void_p]),
    "tp_submit": (c_int32, [c_void_p, c_void_p, c_void_p]),
    "tp_submit_batch": (c_int32, [c_void_p, c_void_p, POINTER(c_void_p), c_size_t, POINTER(c_size_t)]),
    "tp_submit_with": (c_int32, [c_void_p, c_void_p, c_void_p, POINTER(TaskOptions)]),
    "tp_wait": (c_int32, [c_void_p, c_uint64]),
    "tp_async": (c_int32, [c_void_p, c_void_p, c_void_p, POINTER(c_void_p)]),
    "tp_async_with": (c_int32, [c_void_p, c_void_p, c_void_p, POINTER(TaskOptions), POINTER(c_void_p)]),
    "tp_future_create": (c_int32, [POINTER(c_void_p)]),
    "tp_future_complete": (c_int32, [c_void_p, c_void_p]),
    "tp_future_wait": (c_int32, [c_void_p, c_uint64, POINTER(c_void_p)]),
    "tp_future_wait_any": (c_int32, [POINTER(c_void_p), c_size_t, c_uint64, POINTER(c_size_t)]),
    "tp_future_then": (c_int32, [c_void_p, c_void_p, c_void_p, c_void_p, POINTER(c_void_p)]),
    "tp_future_cancel": (c_int32, [c_void_p]),
    "tp_future_state": (c_int32, [c_void_p]),
    "tp_future_release": (None, [c_void_p]),
    "tp_group_create": (c_int32, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "tp_group_submit": (c_int32, [c_void_p, c_void_p, c_void_p]),
    "tp_group_submit_with": (c_int32, [c_void_p, c_void_p, c_void_p, POINTER(TaskOptions)]),
    "tp_group_wait": (c_int32, [c_void_p, c_uint64]),
    "tp_group_notify": (c_int32, [c_void_p, c_void_p, c_void_p]),
    "tp_group_cancel": (c_int32, [c_void_p]),
    "tp_group_count": (c_uint64, [c_void_p]),
    "tp_group_destroy": (c_int32, [c_void_p]),
    "tp_cancelled": (c_int32, []),
    "tp_blocking_begin": (c_int32, []),
    "tp_blocking_end": (c_int32, []),
    "tp_current": (c_void_p, []),
    "tp_worker_index": (c_int32, []),
}


def load():
    library = ctypes.CDLL(os.environ["TP_LIBRARY"])
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


tp = load()
libc = ctypes.CDLL(None, use_errno=True)


def address(function):
    return ctypes.cast(function, c_void_p)


class Semaphore:
    """A sem_t: a C function posts it, and nothing of Python is needed for that."""

    def __init__(self):
        self.memory = ctypes.create_string_buffer(64)
        assert libc.sem_init(self.memory, 0, 0) == 0

    def value(self):
        number = ctypes.c_int(-1)
        assert libc.sem_getvalue(self.memory, byref(number)) == 0
        return number.value


class TestCase(unittest.TestCase):
    def assert_status(self, got, wanted):
        self.assertEqual(tp.tp_status_string(got), tp.tp_status_string(wanted))

    def pool(self, **fields):
        options = Options()
        self.assert_status(tp.tp_options_init(byref(options), ctypes.sizeof(options)), OK)
        for name, value in fields.items():
            setattr(options, name, value)
        pool = c_void_p()
        self.assert_status(tp.tp_create(byref(options), byref(pool)), OK)
        self.assertIsNotNone(pool.value)
        self.addCleanup(tp.tp_destroy, pool)
        return pool

    def wait(self, pool):
        self.assert_status(tp.tp_wait(pool, LIMIT), OK)

    def task_options(self, **fields):
        options = TaskOptions()
        self.assert_status(tp.tp_task_options_init(byref(options), ctypes.sizeof(options)), OK)
        for name, value in fields.items():
            setattr(options, name, value)
        return options

    def future(self, make, *arguments):
        """What `make` stores, which is released at the end of the test."""
        future = c_void_p()
        self.assert_status(make(*arguments, byref(future)), OK)
        self.addCleanup(tp.tp_future_release, future)
        return future

    def value(self, future):
        value = c_void_p()
        self.assert_status(tp.tp_future_wait(future, LIMIT, byref(value)), OK)
        return value.value

    def group(self, pool, parent=None):
        group = c_void_p()
        self.assert_status(tp.tp_group_create(pool, parent, byref(group)), OK)
        self.addCleanup(lambda: self.assert_status(tp.tp_group_destroy(group), OK))
        return group


class Structs(TestCase):
    def test_structs_have_the_size_that_the_library_knows(self):
        options, task_options = Options(), TaskOptions()
        self.assert_status(tp.tp_options_init(byref(options), ctypes.sizeof(options)), OK)
        self.assert_status(tp.tp_task_options_init(byref(task_options), ctypes.sizeof(task_options)), OK)
        self.assertEqual(options.struct_size, ctypes.sizeof(Options))
        self.assertEqual(task_options.struct_size, ctypes.sizeof(TaskOptions))
        self.assertEqual(options.threads, 0)
        self.assertFalse(options.on_start)
        self.assert_status(tp.tp_options_init(byref(options), ctypes.sizeof(options) - 1), EINVAL)
        self.assert_status(tp.tp_task_options_init(byref(task_options), 4097), EINVAL)

    def test_texts_are_bytes(self):
        self.assertRegex(tp.tp_version(), rb"^[0-9]+\.[0-9]+\.[0-9]+$")
        self.assertTrue(tp.tp_status_string(EINVAL).startswith(b"TP_EINVAL: "))


class CFunctions(TestCase):
    def test_a_c_function_runs_by_its_address(self):
        semaphore, pool = Semaphore(), self.pool(threads=2)
        for _ in range(1000):
            self.assert_status(tp.tp_submit(pool, address(libc.sem_post), semaphore.memory), OK)
        self.wait(pool)
        self.assertEqual(semaphore.value(), 1000)

    def test_a_batch_of_c_functions_runs(self):
        semaphore, pool = Semaphore(), self.pool(threads=2)
        args = (c_void_p * 500)(*[ctypes.addressof(semaphore.memory)] * 500)
        taken = c_size_t(77)
        self.assert_status(tp.tp_submit_batch(pool, address(libc.sem_post), args, 500, byref(taken)), OK)
        self.wait(pool)
        self.assertEqual(taken.value, 500)
        self.assertEqual(semaphore.value(), 500)

    def test_a_batch_says_how_much_it_took(self):
        semaphore, pool = Semaphore(), self.pool(threads=1, capacity=3, when_full=FULL_FAIL)
        args = (c_void_p * 5)(*[ctypes.addressof(semaphore.memory)] * 5)
        taken = c_size_t(77)
        self.assert_status(tp.tp_pause(pool), OK)
        self.assert_status(tp.tp_submit_batch(pool, address(libc.sem_post), args, 5, byref(taken)), EFULL)
        self.assertEqual(taken.value, 3)
        self.assertEqual(tp.tp_queued(pool), 3)
        self.assert_status(tp.tp_resume(pool), OK)
        self.wait(pool)
        self.assertEqual(semaphore.value(), 3)

    def test_the_default_pool_runs_c_functions(self):
        semaphore, pool = Semaphore(), c_void_p(tp.tp_default())
        for _ in range(100):
            self.assert_status(tp.tp_submit(pool, address(libc.sem_post), semaphore.memory), OK)
        self.wait(pool)
        self.assertEqual(semaphore.value(), 100)
        self.assert_status(tp.tp_destroy(pool), ENOTSUP)


class Callbacks(TestCase):
    def test_python_functions_run_as_tasks(self):
        lock, numbers, threads = threading.Lock(), [], set()

        def run(arg):
            with lock:
                numbers.append(arg or 0)
                threads.add(threading.get_ident())

        task, pool = TASK(run), self.pool(threads=2)
        for number in range(5000):
            self.assert_status(tp.tp_submit(pool, address(task), number), OK)
        self.wait(pool)
        self.assertEqual(sorted(numbers), list(range(5000)))
        self.assertNotIn(threading.get_ident(), threads)

    def test_one_worker_starts_python_functions_in_order(self):
        numbers = []
        task, pool = TASK(lambda arg: numbers.append(arg or 0)), self.pool(threads=1)
        for number in range(2000):
            self.assert_status(tp.tp_submit(pool, address(task), number), OK)
        self.wait(pool)
        self.assertEqual(numbers, list(range(2000)))

    def test_a_python_function_knows_where_it_is_and_may_submit(self):
        seen, pool = [], self.pool(threads=2)
        child = TASK(lambda _: seen.append("child"))

        def run(_):
            seen.append((tp.tp_current(), tp.tp_worker_index() in (0, 1), tp.tp_wait(pool, 0)))
            seen.append(tp.tp_submit(pool, address(child), None))

        task = TASK(run)
        self.assert_status(tp.tp_submit(pool, address(task), None), OK)
        self.wait(pool)
        self.assertEqual(seen[0], (pool.value, True, EDEADLK))
        self.assertCountEqual(seen[1:], [OK, "child"])
        self.assertIsNone(tp.tp_current())
        self.assertEqual(tp.tp_worker_index(), -1)

    def test_hooks_are_called_with_the_index_of_the_worker(self):
        starts, stops = [], []
        on_start, on_stop = HOOK(lambda _, worker: starts.append(worker)), HOOK(lambda _, worker: stops.append(worker))
        pool = self.pool(threads=3, name=b"from-python", on_start=on_start, on_stop=on_stop)
        self.assert_status(tp.tp_shutdown(pool, DRAIN, LIMIT), OK)
        self.assertEqual(sorted(starts), [0, 1, 2])
        self.assertEqual(sorted(stops), [0, 1, 2])

    def test_a_dropped_task_is_told_why(self):
        ends = []
        task, drop = TASK(lambda arg: ends.append((arg or 0, "ran"))), DROP(lambda arg, why: ends.append((arg or 0, why)))
        options = self.task_options(drop=drop)
        pool = self.pool(threads=1, capacity=2, when_full=FULL_DROP_OLDEST)
        self.assert_status(tp.tp_pause(pool), OK)
        for number in range(3):
            self.assert_status(tp.tp_submit_with(pool, address(task), number, byref(options)), OK)
        self.assertEqual(ends, [(0, EFULL)])
        self.assert_status(tp.tp_shutdown(pool, DISCARD, LIMIT), OK)
        self.assertEqual(ends[0], (0, EFULL))
        self.assertCountEqual(ends[1:], [(1, ESHUTDOWN), (2, ESHUTDOWN)])


class Results(TestCase):
    def test_a_c_function_gives_a_result(self):
        libc.free.argtypes = [c_void_p]
        future = self.future(tp.tp_async, self.pool(threads=2), address(libc.malloc), 100)
        memory = self.value(future)
        self.assertIsNotNone(memory)
        self.assertEqual(tp.tp_future_state(future), DONE)
        libc.free(memory)

    def test_python_functions_give_results(self):
        square, pool = ASYNC(lambda arg: (arg or 0) ** 2), self.pool(threads=2)
        futures = [self.future(tp.tp_async, pool, address(square), number) for number in range(2000)]
        self.assertEqual([self.value(future) or 0 for future in futures], [number**2 for number in range(2000)])

    def test_a_result_goes_on_to_the_next_function(self):
        double, add, pool = ASYNC(lambda arg: arg * 2), THEN(lambda value, arg: value + arg), self.pool(threads=2)
        future = self.future(tp.tp_async, pool, address(double), 21)
        for number in range(1, 51):
            future = self.future(tp.tp_future_then, pool, future, address(add), number)
        self.assertEqual(self.value(future), 42 + sum(range(51)))

    def test_a_thread_completes_a_future_while_others_wait(self):
        # The wait lets go of the interpreter, or nobody could complete it.
        future, values = self.future(tp.tp_future_create), []
        waiters = [threading.Thread(target=lambda: values.append(self.value(future))) for _ in range(8)]
        for waiter in waiters:
            waiter.start()
        self.assert_status(tp.tp_future_wait(future, 10**6, None), ETIMEDOUT)
        self.assertEqual(tp.tp_future_state(future), PENDING)
        self.assert_status(tp.tp_future_complete(future, 77), OK)
        for waiter in waiters:
            waiter.join()
        self.assertEqual(values, [77] * 8)
        self.assert_status(tp.tp_future_complete(future, 78), EBUSY)

    def test_the_first_of_several_futures_is_told(self):
        futures = [self.future(tp.tp_future_create) for _ in range(5)]
        array, index = (c_void_p * 5)(*[future.value for future in futures]), c_size_t(77)
        self.assert_status(tp.tp_future_wait_any(array, 5, 10**6, byref(index)), ETIMEDOUT)
        thread = threading.Thread(target=tp.tp_future_complete, args=(futures[3], 1))
        thread.start()
        self.assert_status(tp.tp_future_wait_any(array, 5, LIMIT, byref(index)), OK)
        thread.join()
        self.assertEqual(index.value, 3)

    def test_a_task_waits_for_tasks_that_it_submitted(self):
        # On one worker, which nobody else would do it for.
        pool = self.pool(threads=1)

        def fibonacci(n):
            n = n or 0
            if n < 2:
                return n
            future, value = c_void_p(), c_void_p()
            if tp.tp_async(pool, address(task), n - 1, byref(future)) != OK:
                return 0
            small = fibonacci(n - 2)
            status = tp.tp_future_wait(future, LIMIT, byref(value))
            tp.tp_future_release(future)
            return small + (value.value or 0) if status == OK else 0

        task = ASYNC(fibonacci)
        self.assertEqual(self.value(self.future(tp.tp_async, pool, address(task), 12)), 144)

    def test_a_task_cannot_wait_for_itself(self):
        pool, future, statuses, ready = self.pool(threads=1), c_void_p(), [], threading.Event()

        def run(_):
            ready.wait()
            statuses.append(tp.tp_future_wait(future, LIMIT, None))
            return None

        task = ASYNC(run)
        self.assert_status(tp.tp_async(pool, address(task), None, byref(future)), OK)
        self.addCleanup(tp.tp_future_release, future)
        ready.set()
        self.value(future)
        self.assertEqual(statuses, [EDEADLK])

    def test_a_future_that_was_cancelled_in_time_never_runs(self):
        ends, pool = [], self.pool(threads=1)
        task, drop = ASYNC(lambda arg: ends.append("ran")), DROP(lambda arg, why: ends.append((arg, why)))
        options = self.task_options(drop=drop)
        self.assert_status(tp.tp_pause(pool), OK)
        future = self.future(tp.tp_async_with, pool, address(task), 5, byref(options))
        following = self.future(tp.tp_future_then, pool, future, address(THEN(lambda value, arg: None)), None)
        self.assert_status(tp.tp_future_cancel(future), OK)
        self.assert_status(tp.tp_resume(pool), OK)
        value = c_void_p(1)
        self.assert_status(tp.tp_future_wait(future, LIMIT, byref(value)), ECANCELED)
        self.assertIsNone(value.value)
        self.assert_status(tp.tp_future_wait(following, LIMIT, None), ECANCELED)
        self.assertEqual(tp.tp_future_state(future), CANCELED)
        self.wait(pool)
        self.assertEqual(ends, [(5, ECANCELED)])

    def test_a_task_that_runs_sees_that_it_is_cancelled(self):
        pool, began, seen = self.pool(threads=1), threading.Event(), []

        def run(_):
            seen.append(tp.tp_cancelled())
            began.set()
            while not tp.tp_cancelled():
                pass
            return 9

        task = ASYNC(run)
        future = self.future(tp.tp_async, pool, address(task), None)
        began.wait()
        self.assertEqual(tp.tp_future_state(future), RUNNING)
        self.assert_status(tp.tp_future_cancel(future), EBUSY)
        self.assertEqual(self.value(future), 9)
        self.assertEqual(seen, [0])
        self.assertEqual(tp.tp_cancelled(), 0)


class Groups(TestCase):
    def test_tasks_submit_into_their_own_group(self):
        pool, lock, seen, statuses = self.pool(threads=2), threading.Lock(), [], set()
        group = self.group(pool)

        def run(arg):
            with lock:
                seen.append(arg)
            for child in (2 * arg, 2 * arg + 1):
                if child < 1000:
                    statuses.add(tp.tp_group_submit(group, address(task), child))

        task = TASK(run)
        for _ in range(3):
            seen.clear()
            self.assert_status(tp.tp_group_submit(group, address(task), 1), OK)
            self.assert_status(tp.tp_group_wait(group, LIMIT), OK)
            self.assertEqual(sorted(seen), list(range(1, 1000)))
        self.assertEqual(statuses, {OK})
        self.assertEqual(tp.tp_group_count(group), 0)

    def test_a_group_that_has_tasks_is_not_destroyed(self):
        pool, semaphore = self.pool(threads=1), Semaphore()
        group = self.group(pool)
        self.assert_status(tp.tp_pause(pool), OK)
        self.assert_status(tp.tp_group_submit(group, address(libc.sem_post), semaphore.memory), OK)
        self.assertEqual(tp.tp_group_count(group), 1)
        self.assert_status(tp.tp_group_destroy(group), EBUSY)
        self.assert_status(tp.tp_group_wait(group, 10**6), ETIMEDOUT)
        self.assert_status(tp.tp_resume(pool), OK)
        self.assert_status(tp.tp_group_wait(group, LIMIT), OK)
        self.assertEqual(semaphore.value(), 1)

    def test_a_task_waits_for_its_group_and_runs_no_stranger_meanwhile(self):
        # A stranger that runs before the wait is over runs on another thread's stack.
        pool, statuses, ran, waiting = self.pool(threads=1), [], [], threading.local()
        stranger = TASK(lambda _: ran.append(("stranger", getattr(waiting, "here", False))))
        member = TASK(lambda _: ran.append(("member", True)))
        group = self.group(pool)

        def run(_):
            statuses.append(tp.tp_submit(pool, address(stranger), None))
            for _ in range(3):
                statuses.append(tp.tp_group_submit(group, address(member), None))
            waiting.here = True
            statuses.append(tp.tp_group_wait(group, LIMIT))
            waiting.here = False

        task = TASK(run)
        self.assert_status(tp.tp_submit(pool, address(task), None), OK)
        self.wait(pool)
        self.assertEqual(statuses, [OK] * 5)
        self.assertCountEqual(ran, [("stranger", False)] + [("member", True)] * 3)

    def test_a_cancelled_parent_drops_the_tasks_of_its_children(self):
        pool, ends = self.pool(threads=1), []
        task, drop = TASK(lambda _: ends.append("ran")), DROP(lambda arg, why: ends.append((arg, why)))
        options = self.task_options(drop=drop)
        parent = self.group(pool)
        child = self.group(pool, parent)
        self.assert_status(tp.tp_pause(pool), OK)
        for number in range(1, 4):
            self.assert_status(tp.tp_group_submit_with(child, address(task), number, byref(options)), OK)
        self.assertEqual(tp.tp_group_count(parent), 3)
        self.assert_status(tp.tp_group_cancel(parent), OK)
        self.assert_status(tp.tp_resume(pool), OK)
        self.assert_status(tp.tp_group_wait(parent, LIMIT), OK)
        self.assertCountEqual(ends, [(number, ECANCELED) for number in range(1, 4)])
        self.assert_status(tp.tp_group_submit(child, address(task), None), OK)
        self.assert_status(tp.tp_group_wait(parent, LIMIT), OK)
        self.assertEqual(ends[-1], "ran")

    def test_a_group_notifies_once_when_it_empties(self):
        pool, ran = self.pool(threads=2), []
        task, last = TASK(lambda _: ran.append("task")), TASK(lambda _: ran.append("last"))
        group = self.group(pool)
        self.assert_status(tp.tp_pause(pool), OK)
        for _ in range(100):
            self.assert_status(tp.tp_group_submit(group, address(task), None), OK)
        self.assert_status(tp.tp_group_notify(group, address(last), None), OK)
        self.assert_status(tp.tp_resume(pool), OK)
        self.wait(pool)
        self.assertEqual(ran, ["task"] * 100 + ["last"])


class Blocking(TestCase):
    def test_a_task_that_blocks_lets_the_others_go_on(self):
        # One worker, which waits for what a later task does.
        pool, event, seen = self.pool(threads=1), threading.Event(), []

        def run(_):
            seen.append(tp.tp_blocking_begin())
            seen.append(event.wait(100))
            seen.append(tp.tp_blocking_end())

        task, later = TASK(run), TASK(lambda _: event.set())
        self.assert_status(tp.tp_submit(pool, address(task), None), OK)
        self.assert_status(tp.tp_submit(pool, address(later), None), OK)
        self.wait(pool)
        self.assertEqual(seen, [OK, True, OK])

    def test_outside_a_task_it_does_nothing(self):
        self.assert_status(tp.tp_blocking_begin(), OK)
        tp.tp_blocking_end()


def in_a_child(pool):
    """What a child of a fork is told of its parent's pool, and how many tasks it then runs itself."""
    told = {tp.tp_submit(pool, address(libc.sem_post), None), tp.tp_wait(pool, FOREVER), tp.tp_pause(pool)}
    semaphore, own = Semaphore(), c_void_p(tp.tp_default())
    for _ in range(100):
        told.add(tp.tp_submit(own, address(libc.sem_post), semaphore.memory))
    return told, tp.tp_wait(own, LIMIT), semaphore.value(), tp.tp_destroy(pool)


CHILD_WAS_FINE = ({EFORKED, OK}, OK, 100, OK)


class Multiprocessing(TestCase):
    """The start method "fork", with work in the parent and in its children."""

    def setUp(self):
        self.context = multiprocessing.get_context("fork")
        self.busy = self.pool(threads=2)

    def test_processes_are_forked_while_a_pool_works(self):
        semaphore, stop, submitted = Semaphore(), threading.Event(), []

        def submit():
            while not stop.is_set():
                submitted.append(tp.tp_submit(self.busy, address(libc.sem_post), semaphore.memory))

        submitter = threading.Thread(target=submit)
        submitter.start()
        with self.context.Pool(4, maxtasksperchild=1) as processes:
            ends = processes.map(in_a_child, [self.busy.value] * 40, chunksize=1)
        stop.set()
        submitter.join()
        self.assertEqual(ends, [CHILD_WAS_FINE] * 40)
        self.wait(self.busy)
        self.assertEqual(set(submitted), {OK})
        self.assertEqual(semaphore.value(), len(submitted))

    def test_a_task_forks_a_process(self):
        ends, queue = [], self.context.Queue()

        def run(_):
            child = self.context.Process(target=lambda: queue.put(in_a_child(self.busy.value)))
            child.start()
            ends.append(queue.get(timeout=100))
            child.join()
            ends.append(child.exitcode)

        task = TASK(run)
        self.assert_status(tp.tp_submit(self.busy, address(task), None), OK)
        self.wait(self.busy)
        self.assertEqual(ends, [CHILD_WAS_FINE, 0])


class Errors(TestCase):
    def test_null_is_invalid(self):
        self.assert_status(tp.tp_submit(None, address(libc.sem_post), None), EINVAL)
        self.assert_status(tp.tp_submit(self.pool(threads=1), None, None), EINVAL)
        self.assert_status(tp.tp_create(None, None), EINVAL)
        self.assert_status(tp.tp_wait(None, FOREVER), EINVAL)
        self.assert_status(tp.tp_destroy(None), OK)

    def test_a_number_out_of_range_is_invalid_and_leaves_no_pool(self):
        options, pool = Options(), c_void_p(1)
        self.assert_status(tp.tp_options_init(byref(options), ctypes.sizeof(options)), OK)
        options.threads = 4097
        self.assert_status(tp.tp_create(byref(options), byref(pool)), EINVAL)
        self.assertIsNone(pool.value)

    def test_a_wait_for_a_paused_pool_times_out(self):
        semaphore, pool = Semaphore(), self.pool(threads=1)
        self.assert_status(tp.tp_pause(pool), OK)
        self.assert_status(tp.tp_submit(pool, address(libc.sem_post), semaphore.memory), OK)
        self.assert_status(tp.tp_wait(pool, 20 * 10**6), ETIMEDOUT)
        self.assertEqual(semaphore.value(), 0)
        self.assert_status(tp.tp_resume(pool), OK)
        self.wait(pool)
        self.assertEqual(semaphore.value(), 1)

    def test_a_pool_that_was_shut_down_refuses(self):
        pool = self.pool(threads=1)
        self.assert_status(tp.tp_shutdown(pool, DRAIN, FOREVER), OK)
        self.assert_status(tp.tp_submit(pool, address(libc.sem_post), None), ESHUTDOWN)
        self.assert_status(tp.tp_resize(pool, 2), ESHUTDOWN)


if __name__ == "__main__":
    unittest.main()
