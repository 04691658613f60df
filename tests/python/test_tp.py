"""tp from a language that only has ctypes: structs by their layout, C functions by address, Python functions as tasks.

TP_LIBRARY in the environment is the path of libtp.so.
"""

import ctypes
import os
import threading
import unittest
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

OK, EINVAL, ESHUTDOWN, EFULL, ETIMEDOUT, EDEADLK, ENOTSUP = 0, -1, -4, -5, -6, -8, -11
FULL_FAIL, FULL_DROP_OLDEST = 1, 3
DRAIN, DISCARD = 0, 1
FOREVER = 2**64 - 1
LIMIT = 100 * 10**9

TASK = CFUNCTYPE(None, c_void_p)
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
        options = TaskOptions()
        self.assert_status(tp.tp_task_options_init(byref(options), ctypes.sizeof(options)), OK)
        options.drop = drop
        pool = self.pool(threads=1, capacity=2, when_full=FULL_DROP_OLDEST)
        self.assert_status(tp.tp_pause(pool), OK)
        for number in range(3):
            self.assert_status(tp.tp_submit_with(pool, address(task), number, byref(options)), OK)
        self.assertEqual(ends, [(0, EFULL)])
        self.assert_status(tp.tp_shutdown(pool, DISCARD, LIMIT), OK)
        self.assertEqual(ends[0], (0, EFULL))
        self.assertCountEqual(ends[1:], [(1, ESHUTDOWN), (2, ESHUTDOWN)])


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
