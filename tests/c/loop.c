// loop: every index once, on whoever is free, the caller among them; how a loop is stopped, the slots of its bodies,
// and that nobody spins when it is over.
//
// Bad arguments are in errors.c, reduces in reduce.c.

#include "support.h"

#include <stdatomic.h>

static void adds(void *arg) { atomic_fetch_add((_Atomic uint64_t *)arg, 1); }

static void must_not_loop(uint64_t lo, uint64_t hi, void *ctx) {
    (void)lo;
    (void)hi;
    (void)ctx;
    must(!"a body runs that may not");
}

// A body that adds how many items it got.
static void adds_items(uint64_t lo, uint64_t hi, void *items) { atomic_fetch_add((_Atomic uint64_t *)items, hi - lo); }

// A body that adds to a tally, once an item.
static void counts_items(uint64_t lo, uint64_t hi, void *tally) {
    for (uint64_t i = lo; i < hi; i++) tally_add((struct tally *)tally);
}

// ---- Every index once --------------------------------------------------------------------------------------

struct shape {
    tp_pool *pool;
    uint64_t begin;
    uint64_t end;
    uint64_t grain;
    uint8_t *hits; // one for each index
};

static void hits_once(uint64_t lo, uint64_t hi, void *ctx) {
    struct shape *shape = (struct shape *)ctx;
    must(shape->begin <= lo && lo < hi && hi <= shape->end);
    must(shape->grain == 0 || hi - lo <= shape->grain);
    // Plain writes: no other body may have one of these indices.
    for (uint64_t i = lo; i < hi; i++) must(++shape->hits[i - shape->begin] == 1);
}

static void loops_over(void *arg) {
    struct shape *shape = (struct shape *)arg;
    uint64_t n = shape->end - shape->begin;
    shape->hits = (uint8_t *)calloc(n + 1, 1);
    must(shape->hits != NULL);
    must_status(tp_parallel_for(shape->pool, shape->begin, shape->end, shape->grain, hits_once, shape), TP_OK);
    for (uint64_t i = 0; i < n; i++) must(shape->hits[i] == 1);
    free(shape->hits);
}

static void every_index_comes_once_and_no_call_gets_more_than_a_grain(void **state) {
    (void)state;
    const uint64_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 1000, 4096, 4097};
    const uint64_t grains[] = {0, 1, 2, 3, 7, 64, 1000, 4096, 5000, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    const uint64_t begins[] = {0, 1, 1000, UINT32_MAX - 10, INT64_MAX - 10, UINT64_MAX - 4097};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t length = 0; length < sizeof lengths / sizeof *lengths; length++) {
            for (size_t grain = 0; grain < sizeof grains / sizeof *grains; grain++) {
                if (is_small() && (length + grain) % 4 != 0) continue;
                uint64_t begin = begins[(length + grain) % 6];
                struct shape shape = {pool, begin, begin + lengths[length], grains[grain], NULL};
                loops_over(&shape);
                run_inside(pool, loops_over, &shape);
            }
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void so_it_is_for_shapes_by_chance(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(30, 2000, 50000); round++) {
            uint64_t length = chance(&seed) % 3000;
            uint64_t begin = chance(&seed) % 2 == 0 ? UINT64_MAX - 3000 - chance(&seed) % 5 : chance(&seed) % 1000;
            struct shape shape = {pool, begin, begin + length, chance(&seed) % (length + 10), NULL};
            run_where(pool, round % 4 == 0, loops_over, &shape);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// What the calls got of a range too long to look at every index.
struct pieces {
    pthread_mutex_t mutex;
    uint64_t grain;
    size_t count;
    struct piece {
        uint64_t lo;
        uint64_t hi;
    } pieces[100000];
};

static void notes_its_piece(uint64_t lo, uint64_t hi, void *ctx) {
    struct pieces *pieces = (struct pieces *)ctx;
    must(lo < hi);
    must(pieces->grain == 0 || hi - lo <= pieces->grain);
    pthread_mutex_lock(&pieces->mutex);
    must(pieces->count < sizeof pieces->pieces / sizeof *pieces->pieces);
    pieces->pieces[pieces->count++] = (struct piece){lo, hi};
    pthread_mutex_unlock(&pieces->mutex);
}

static int compare_pieces(const void *x, const void *y) {
    uint64_t a = ((const struct piece *)x)->lo;
    uint64_t b = ((const struct piece *)y)->lo;
    return a < b ? -1 : a > b;
}

static void the_longest_ranges_are_covered_without_gap_or_overlap(void **state) {
    (void)state;
    const uint64_t ranges[][2] = {
        {0, UINT64_MAX},        {1, UINT64_MAX},        {0, UINT64_MAX - 1},          {UINT64_MAX / 2, UINT64_MAX},
        {0, UINT64_C(1) << 63}, {5, UINT64_C(1) << 33}, {UINT64_MAX - 1, UINT64_MAX}, {0, UINT64_MAX / 3 * 2}};
    struct pieces *pieces = (struct pieces *)malloc(sizeof *pieces);
    pthread_mutex_init(&pieces->mutex, NULL);
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t range = 0; range < sizeof ranges / sizeof *ranges; range++) {
            uint64_t begin = ranges[range][0];
            uint64_t end = ranges[range][1];
            const uint64_t grains[] = {0, (end - begin) / 1000 + 1, (end - begin) / 3 + 1, end - begin, UINT64_MAX};
            for (size_t grain = 0; grain < sizeof grains / sizeof *grains; grain++) {
                pieces->grain = grains[grain];
                pieces->count = 0;
                assert_status(tp_parallel_for(pool, begin, end, grains[grain], notes_its_piece, pieces), TP_OK);
                qsort(pieces->pieces, pieces->count, sizeof *pieces->pieces, compare_pieces);
                uint64_t next = begin;
                for (size_t piece = 0; piece < pieces->count; piece++) {
                    assert_true(pieces->pieces[piece].lo == next);
                    next = pieces->pieces[piece].hi;
                }
                assert_true(next == end);
            }
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
    pthread_mutex_destroy(&pieces->mutex);
    free(pieces);
}

static void an_empty_range_calls_nothing(void **state) {
    (void)state;
    const uint64_t places[] = {0, 1, INT64_MAX, UINT64_MAX};
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 4; i++) {
        assert_status(tp_parallel_for(pool, places[i], places[i], 0, must_not_loop, NULL), TP_OK);
        assert_status(tp_parallel_for(pool, places[i], places[i], 1, must_not_loop, NULL), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

struct plain {
    tp_pool *pool;
    size_t calls;
    uint64_t round;
    uint64_t out[64];
};

static void writes_the_round(uint64_t lo, uint64_t hi, void *ctx) {
    struct plain *plain = (struct plain *)ctx;
    for (uint64_t i = lo; i < hi; i++) plain->out[i] = plain->round + i;
}

static void loops_and_reads(void *arg) {
    struct plain *plain = (struct plain *)arg;
    for (plain->round = 0; plain->round < plain->calls; plain->round++) {
        must_status(tp_parallel_for(plain->pool, 0, 64, 1, writes_the_round, plain), TP_OK);
        for (uint64_t i = 0; i < 64; i++) must(plain->out[i] == plain->round + i);
    }
}

static void bodies_see_what_the_caller_wrote_and_the_caller_what_they_wrote(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int inside = 0; inside < 2; inside++) {
            struct plain plain = {pool_of(worker_counts[i]), rounds(50, 2000, 50000), 0, {0}};
            run_where(plain.pool, inside, loops_and_reads, &plain);
            assert_int_equal(plain.round, plain.calls);
            assert_status(tp_destroy(plain.pool), TP_OK);
        }
    }
}

// ---- Items that wait for each other ------------------------------------------------------------------------

struct items {
    tp_pool *pool;
    uint64_t count;
    uint64_t end;
    size_t calls;
    uint64_t waits;
    struct tally tally;
};

static void meets_all_others(uint64_t lo, uint64_t hi, void *ctx) {
    struct items *items = (struct items *)ctx;
    must(hi == lo + 1);
    meet(&items->tally, items->count);
}

static void loops_over_items_that_meet(void *arg) {
    struct items *items = (struct items *)arg;
    for (size_t call = 0; call < items->calls; call++) {
        struct items now = {items->pool, items->count, items->count, 1, 0, TALLY_INIT};
        must_status(tp_parallel_for(items->pool, 0, items->count, 1, meets_all_others, &now), TP_OK);
        must(tally_now(&now.tally) == items->count);
    }
}

static void two_items_that_wait_for_each_other_end_where_there_are_two_threads(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int inside = 0; inside < 2; inside++) {
            // A task on one worker has no second thread.
            if (inside && worker_counts[i] == 1) continue;
            struct items items = {pool_of(worker_counts[i]), 2, 2, rounds(20, 1000, 20000), 0, TALLY_INIT};
            run_where(items.pool, inside, loops_over_items_that_meet, &items);
            assert_status(tp_destroy(items.pool), TP_OK);
        }
    }
}

static void as_many_items_run_at_once_as_there_are_threads(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int inside = 0; inside < 2; inside++) {
            uint64_t threads = worker_counts[i] + (inside ? 0 : 1);
            struct items items = {pool_of(worker_counts[i]), threads, threads, rounds(10, 300, 5000), 0, TALLY_INIT};
            run_where(items.pool, inside, loops_over_items_that_meet, &items);
            assert_status(tp_destroy(items.pool), TP_OK);
        }
    }
}

// With a pause between two loops, so that all have gone to sleep.
static void a_loop_wakes_a_pool_that_sleeps(void **state) {
    (void)state;
    struct items outside = {pool_of(4), 5, 5, 1, 0, TALLY_INIT};
    struct items inside = {outside.pool, 4, 4, 1, 0, TALLY_INIT};
    for (size_t round = 0; round < rounds(10, 500, 5000); round++) {
        nap();
        loops_over_items_that_meet(&outside);
        nap();
        run_inside(inside.pool, loops_over_items_that_meet, &inside);
    }
    assert_status(tp_destroy(outside.pool), TP_OK);
}

// One item waits until all others have run: whoever has it, the rest is taken from there.
static void one_outlasts_all_others(uint64_t lo, uint64_t hi, void *ctx) {
    struct items *items = (struct items *)ctx;
    must(hi == lo + 1);
    if (lo == items->waits) must(tally_reaches(&items->tally, items->end - 1));
    tally_add(&items->tally);
}

static void loops_with_one_that_outlasts(void *arg) {
    struct items *items = (struct items *)arg;
    must_status(tp_parallel_for(items->pool, 0, items->end, 1, one_outlasts_all_others, items), TP_OK);
    must(tally_now(&items->tally) == items->end);
}

static void a_loop_can_be_taken_from_while_its_owner_sits_in_one_item(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int inside = 0; inside < 2; inside++) {
            if (inside && worker_counts[i] == 1) continue;
            for (size_t round = 0; round < rounds(5, 200, 5000); round++) {
                uint64_t n = 2 + chance(&seed) % 100;
                // The first, which is the caller's in most loops, and any.
                uint64_t waits = round % 2 == 0 ? 0 : chance(&seed) % n;
                struct items items = {pool, 0, n, 1, waits, TALLY_INIT};
                run_where(pool, inside, loops_with_one_that_outlasts, &items);
            }
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// Two of them meet, whichever they are, in a range that nobody could walk through to its end.
struct endless {
    uint64_t begin;
    uint64_t end;
    uint64_t grain;
    struct tally met;
};

static void meets_another_and_stops(uint64_t lo, uint64_t hi, void *ctx) {
    struct endless *endless = (struct endless *)ctx;
    must(endless->begin <= lo && lo < hi && hi <= endless->end);
    must(hi - lo <= endless->grain);
    meet(&endless->met, 2);
    // Not at once: what else there is of a thread's share comes in the same small calls.
    if (tally_now(&endless->met) > 10) tp_loop_stop();
}

static void a_range_with_more_chunks_than_32_bits_count_is_shared_and_stopped(void **state) {
    (void)state;
    const uint64_t ranges[][2] = {
        {0, UINT64_MAX}, {0, UINT64_C(3) << 32}, {1, (UINT64_C(1) << 34) + 5}, {UINT64_C(1) << 40, UINT64_C(3) << 60}};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(12, 200, 4000); round++) {
            const uint64_t *range = ranges[round % 4];
            struct endless endless = {range[0], range[1], 1 + round / 4 % 3, TALLY_INIT};
            assert_status(tp_parallel_for(pool, range[0], range[1], endless.grain, meets_another_and_stops, &endless),
                          TP_ECANCELED);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Stop --------------------------------------------------------------------------------------------------

struct stopped {
    tp_pool *pool;
    pthread_t caller;
    uint64_t at;
    _Atomic uint64_t calls;
};

static void stops_at_a_call(uint64_t lo, uint64_t hi, void *ctx) {
    struct stopped *stopped = (struct stopped *)ctx;
    (void)lo;
    (void)hi;
    must(pthread_equal(stopped->caller, pthread_self()));
    if (++stopped->calls == stopped->at) tp_loop_stop();
}

static void no_call_follows_a_stop_on_the_thread_that_stopped(void **state) {
    (void)state;
    // Paused: the caller has the loop to itself.
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    for (uint64_t at = 1; at <= 20; at++) {
        struct stopped stopped = {pool, pthread_self(), at, 0};
        assert_status(tp_parallel_for(pool, 0, 20, 1, stops_at_a_call, &stopped), TP_ECANCELED);
        assert_int_equal(stopped.calls, at);
    }
    struct stopped never = {pool, pthread_self(), 21, 0};
    assert_status(tp_parallel_for(pool, 0, 20, 1, stops_at_a_call, &never), TP_OK);
    assert_int_equal(never.calls, 20);
    assert_status(tp_destroy(pool), TP_OK);
}

static void stops_first(uint64_t lo, uint64_t hi, void *ctx) {
    tp_loop_stop();
    adds_items(lo, hi, ctx);
}

static void loops_and_is_stopped(void *arg) {
    struct stopped *stopped = (struct stopped *)arg;
    stopped->calls = 0;
    must_status(tp_parallel_for(stopped->pool, 0, 1000000, 1, stops_first, &stopped->calls), TP_ECANCELED);
    must(stopped->calls < 1000000);
    // The next one is not.
    stopped->calls = 0;
    must_status(tp_parallel_for(stopped->pool, 0, 1000, 1, adds_items, &stopped->calls), TP_OK);
    must(stopped->calls == 1000);
}

static void a_loop_that_is_stopped_says_so_and_leaves_the_rest(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int inside = 0; inside < 2; inside++) {
            struct stopped stopped = {pool_of(worker_counts[i]), pthread_self(), 0, 0};
            for (size_t round = 0; round < rounds(2, 100, 1000); round++) {
                run_where(stopped.pool, inside, loops_and_is_stopped, &stopped);
            }
            assert_status(tp_destroy(stopped.pool), TP_OK);
        }
    }
}

static void a_stop_in_the_only_call_is_told_too(void **state) {
    (void)state;
    _Atomic uint64_t items = 0;
    tp_pool *pool = pool_of(2);
    assert_status(tp_parallel_for(pool, 7, 8, 0, stops_first, &items), TP_ECANCELED);
    assert_status(tp_parallel_for(pool, 0, 100, 100, stops_first, &items), TP_ECANCELED);
    assert_int_equal(items, 101);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_stop_outside_a_loop_does_nothing(void **state) {
    (void)state;
    _Atomic uint64_t items = 0;
    tp_pool *pool = pool_of(1);
    tp_loop_stop();
    assert_status(tp_parallel_for(pool, 0, 100, 1, adds_items, &items), TP_OK);
    assert_int_equal(items, 100);
    assert_status(tp_destroy(pool), TP_OK);
}

static void has_an_inner_loop_stopped(uint64_t lo, uint64_t hi, void *ctx) {
    struct stopped *stopped = (struct stopped *)ctx;
    _Atomic uint64_t items = 0;
    must_status(tp_parallel_for(stopped->pool, 0, 100, 1, stops_first, &items), TP_ECANCELED);
    atomic_fetch_add(&stopped->calls, hi - lo);
}

static void stops_after_an_inner_loop(uint64_t lo, uint64_t hi, void *ctx) {
    struct stopped *stopped = (struct stopped *)ctx;
    _Atomic uint64_t items = 0;
    must_status(tp_parallel_for(stopped->pool, 0, 100, 1, adds_items, &items), TP_OK);
    tp_loop_stop();
    must_status(tp_parallel_for(stopped->pool, 0, 100, 1, adds_items, &items), TP_OK);
    must(items == 200);
    atomic_fetch_add(&stopped->calls, hi - lo);
}

static void a_stop_is_the_innermost_loops(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct stopped stopped = {pool_of(worker_counts[i]), pthread_self(), 0, 0};
        for (size_t round = 0; round < rounds(2, 50, 1000); round++) {
            stopped.calls = 0;
            assert_status(tp_parallel_for(stopped.pool, 0, 50, 1, has_an_inner_loop_stopped, &stopped), TP_OK);
            assert_int_equal(stopped.calls, 50);
            stopped.calls = 0;
            assert_status(tp_parallel_for(stopped.pool, 0, 100000, 1, stops_after_an_inner_loop, &stopped),
                          TP_ECANCELED);
            assert_true(stopped.calls < 100000);
        }
        assert_status(tp_destroy(stopped.pool), TP_OK);
    }
}

static void stops_in_a_branch(void *arg) {
    (void)arg;
    tp_loop_stop();
}

static void has_a_branch_stop(uint64_t lo, uint64_t hi, void *ctx) {
    struct stopped *stopped = (struct stopped *)ctx;
    must_status(tp_parallel_invoke(stopped->pool, nothing, NULL, stops_in_a_branch, NULL), TP_OK);
    atomic_fetch_add(&stopped->calls, hi - lo);
}

struct stolen_stop {
    tp_pool *pool;
    struct tally ended;
};

static void stops_elsewhere(void *arg) {
    tp_loop_stop();
    tally_add(&((struct stolen_stop *)arg)->ended);
}

static void outlasts_the_stop(void *arg) { must(tally_reaches(&((struct stolen_stop *)arg)->ended, 1)); }

static void has_a_stolen_branch_stop(uint64_t lo, uint64_t hi, void *ctx) {
    (void)lo;
    (void)hi;
    must_status(tp_parallel_invoke(((struct stolen_stop *)ctx)->pool, outlasts_the_stop, ctx, stops_elsewhere, ctx),
                TP_OK);
}

static void a_branch_stops_the_loop_that_it_is_in(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct stopped stopped = {pool_of(worker_counts[i]), pthread_self(), 0, 0};
        for (size_t round = 0; round < rounds(2, 50, 1000); round++) {
            stopped.calls = 0;
            assert_status(tp_parallel_for(stopped.pool, 0, 100000, 1, has_a_branch_stop, &stopped), TP_ECANCELED);
            assert_true(stopped.calls < 100000);
            struct stolen_stop stolen = {stopped.pool, TALLY_INIT};
            assert_status(tp_parallel_for(stopped.pool, 0, 1, 1, has_a_stolen_branch_stop, &stolen), TP_ECANCELED);
        }
        assert_status(tp_destroy(stopped.pool), TP_OK);
    }
}

static void tries_to_stop(void *ran) {
    must(tp_loop_slot() == 0);
    tp_loop_stop();
    adds(ran);
}

static void *tries_to_stop_async(void *ran) {
    tries_to_stop(ran);
    return ran;
}

static void waits_for_one_that_tries_to_stop(uint64_t lo, uint64_t hi, void *ctx) {
    struct stopped *stopped = (struct stopped *)ctx;
    tp_group *group = group_of(stopped->pool, NULL);
    (void)lo;
    (void)hi;
    must_status(tp_group_submit(group, tries_to_stop, &stopped->calls), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
    tp_future *future = future_of(stopped->pool, tries_to_stop_async, &stopped->calls);
    must(value_of(future) == &stopped->calls);
    tp_future_release(future);
}

static void loops_over_waits(void *arg) {
    struct stopped *stopped = (struct stopped *)arg;
    must_status(tp_parallel_for(stopped->pool, 0, 20, 1, waits_for_one_that_tries_to_stop, stopped), TP_OK);
}

// On one worker without a reserve they run on the body's own stack.
static void a_task_that_a_body_waits_for_is_not_in_its_loop(void **state) {
    (void)state;
    struct stopped stopped = {pool_reserved(1, 0), pthread_self(), 0, 0};
    run_inside(stopped.pool, loops_over_waits, &stopped);
    assert_int_equal(stopped.calls, 40);
    loops_over_waits(&stopped);
    assert_int_equal(stopped.calls, 80);
    assert_status(tp_destroy(stopped.pool), TP_OK);
}

// ---- Slots -------------------------------------------------------------------------------------------------

enum { SLOTS = 64 };

struct slots {
    tp_pool *pool;
    uint32_t count;
    bool blocks;
    uint8_t busy[SLOTS]; // plain: nobody else may be in it
    _Atomic uint64_t items;
    struct tally entered;
};

static void has_a_slot_of_its_own(uint64_t lo, uint64_t hi, void *ctx) {
    struct slots *slots = (struct slots *)ctx;
    uint32_t slot = tp_loop_slot();
    must(slot < slots->count);
    must(++slots->busy[slot] == 1);
    if (slots->blocks) {
        tp_status status = tp_blocking_begin();
        must(status == TP_OK || status == TP_EAGAIN);
        nap();
        must_status(tp_blocking_end(), TP_OK);
    } else if (lo % 8 == 0) {
        sched_yield();
    }
    must(tp_loop_slot() == slot);
    must(--slots->busy[slot] == 0);
    atomic_fetch_add(&slots->items, hi - lo);
}

static void loops_in_slots(void *arg) {
    struct slots *slots = (struct slots *)arg;
    struct slots now = {slots->pool, slots->count, slots->blocks, {0}, 0, TALLY_INIT};
    uint64_t n = slots->blocks ? 40 : 400;
    must(tp_loop_slot() == 0);
    must_status(tp_parallel_for(slots->pool, 0, n, 1, has_a_slot_of_its_own, &now), TP_OK);
    must(now.items == n);
    must(tp_loop_slot() == 0);
}

static void *loops_in_slots_outside(void *arg) {
    for (size_t round = 0; round < rounds(2, 30, 300); round++) loops_in_slots(arg);
    return NULL;
}

static void bodies_that_run_at_once_have_different_slots_below_the_count(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct slots slots = {pool_of(worker_counts[i]), worker_counts[i] + 1, false, {0}, 0, TALLY_INIT};
        assert_int_equal(tp_slot_count(slots.pool), slots.count);
        assert_int_equal(tp_loop_slot(), 0);
        for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
            loops_in_slots(&slots);
            run_inside(slots.pool, loops_in_slots, &slots);
        }
        run_outside(4, loops_in_slots_outside, &slots);
        assert_status(tp_destroy(slots.pool), TP_OK);
    }
}

static void so_it_is_where_bodies_block_and_reserves_come(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct slots slots = {pool_of(worker_counts[i]), worker_counts[i] + 1, true, {0}, 0, TALLY_INIT};
        for (size_t round = 0; round < rounds(2, 10, 200); round++) {
            loops_in_slots(&slots);
            for (int task = 0; task < 4; task++) assert_status(tp_submit(slots.pool, loops_in_slots, &slots), TP_OK);
            assert_status(tp_wait(slots.pool, LIMIT_NS), TP_OK);
        }
        assert_int_equal(tp_slot_count(slots.pool), slots.count);
        assert_status(tp_destroy(slots.pool), TP_OK);
    }
}

static void the_slot_count_stays_after_a_resize_and_slots_stay_below_it(void **state) {
    (void)state;
    struct slots slots = {pool_of(2), 3, false, {0}, 0, TALLY_INIT};
    for (size_t round = 0; round < rounds(5, 100, 1000); round++) {
        assert_status(tp_resize(slots.pool, 1 + round % 8), TP_OK);
        assert_int_equal(tp_slot_count(slots.pool), 3);
        loops_in_slots(&slots);
        run_inside(slots.pool, loops_in_slots, &slots);
    }
    assert_status(tp_destroy(slots.pool), TP_OK);
}

static void all_slots_meet(uint64_t lo, uint64_t hi, void *ctx) {
    struct slots *slots = (struct slots *)ctx;
    uint32_t slot = tp_loop_slot();
    must(hi == lo + 1);
    must(slot < slots->count);
    must(++slots->busy[slot] == 1);
    meet(&slots->entered, slots->count);
}

// From outside every slot is had: the caller and each worker sit in an item.
static void each_slot_is_had_when_all_threads_are_in_a_loop(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(5, 200, 2000); round++) {
            struct slots slots = {pool, worker_counts[i] + 1, false, {0}, 0, TALLY_INIT};
            assert_status(tp_parallel_for(pool, 0, slots.count, 1, all_slots_meet, &slots), TP_OK);
            for (uint32_t slot = 0; slot < slots.count; slot++) assert_int_equal(slots.busy[slot], 1);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct inherited {
    tp_pool *pool;
    uint32_t slot;
    struct tally ended;
    _Atomic uint64_t items;
};

static void has_the_slot(void *arg) {
    struct inherited *inherited = (struct inherited *)arg;
    must(tp_loop_slot() == inherited->slot);
    tally_add(&inherited->ended);
}

static void has_the_slot_and_outlasts(void *arg) {
    struct inherited *inherited = (struct inherited *)arg;
    must(tally_reaches(&inherited->ended, 1));
    must(tp_loop_slot() == inherited->slot);
}

static void has_branches_in_its_slot(uint64_t lo, uint64_t hi, void *ctx) {
    struct inherited *inherited = (struct inherited *)ctx;
    struct inherited mine = {inherited->pool, tp_loop_slot(), TALLY_INIT, 0};
    must_status(tp_parallel_invoke(mine.pool, has_the_slot_and_outlasts, &mine, has_the_slot, &mine), TP_OK);
    must(tp_loop_slot() == mine.slot);
    atomic_fetch_add(&inherited->items, hi - lo);
}

// One item, so that the pool's worker is free to take its branch; and in a second round another slot than 0.
static void meets_and_then_one_has_branches(uint64_t lo, uint64_t hi, void *ctx) {
    struct inherited *inherited = (struct inherited *)ctx;
    must(hi == lo + 1);
    meet(&inherited->ended, 2);
    if (tp_loop_slot() != 0) has_branches_in_its_slot(lo, hi, ctx);
}

static void a_branch_has_its_callers_slot_wherever_it_runs(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 200, 2000); round++) {
        struct inherited inherited = {pool_of(1), 0, TALLY_INIT, 0};
        assert_status(tp_parallel_for(inherited.pool, 0, 1, 1, has_branches_in_its_slot, &inherited), TP_OK);
        assert_int_equal(inherited.items, 1);
        assert_status(tp_destroy(inherited.pool), TP_OK);
        struct inherited other = {pool_of(3), 0, TALLY_INIT, 0};
        assert_status(tp_parallel_for(other.pool, 0, 2, 1, meets_and_then_one_has_branches, &other), TP_OK);
        assert_true(other.items >= 1);
        assert_status(tp_destroy(other.pool), TP_OK);
    }
}

static void has_a_loop_in_its_slot(uint64_t lo, uint64_t hi, void *ctx) {
    struct slots *slots = (struct slots *)ctx;
    uint32_t slot = tp_loop_slot();
    struct slots inner = {slots->pool, slots->count, false, {0}, 0, TALLY_INIT};
    must_status(tp_parallel_for(slots->pool, 0, 20, 1, has_a_slot_of_its_own, &inner), TP_OK);
    must(inner.items == 20);
    must(tp_loop_slot() == slot);
    atomic_fetch_add(&slots->items, hi - lo);
}

static void has_no_slot(void *pool) {
    (void)pool;
    must(tp_loop_slot() == 0);
}

static void submits_in_its_slot(uint64_t lo, uint64_t hi, void *ctx) {
    struct slots *slots = (struct slots *)ctx;
    for (uint64_t i = lo; i < hi; i++) must_status(tp_submit(slots->pool, has_no_slot, NULL), TP_OK);
}

static void a_slot_is_the_innermost_loops_and_comes_back_after_it(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct slots slots = {pool_of(worker_counts[i]), worker_counts[i] + 1, false, {0}, 0, TALLY_INIT};
        for (size_t round = 0; round < rounds(2, 50, 500); round++) {
            slots.items = 0;
            assert_status(tp_parallel_for(slots.pool, 0, 20, 1, has_a_loop_in_its_slot, &slots), TP_OK);
            assert_int_equal(slots.items, 20);
            assert_status(tp_parallel_for(slots.pool, 0, 20, 1, submits_in_its_slot, &slots), TP_OK);
            assert_status(tp_wait(slots.pool, LIMIT_NS), TP_OK);
        }
        assert_status(tp_destroy(slots.pool), TP_OK);
    }
}

// ---- Nested, and many at once ------------------------------------------------------------------------------

struct sum {
    tp_pool *pool;
    uint32_t depth;
    _Atomic uint64_t *items;
};

static void loops_deeper(uint64_t lo, uint64_t hi, void *ctx) {
    struct sum *sum = (struct sum *)ctx;
    if (sum->depth == 0) {
        atomic_fetch_add(sum->items, hi - lo);
        return;
    }
    struct sum next = {sum->pool, sum->depth - 1, sum->items};
    for (uint64_t i = lo; i < hi; i++) {
        must_status(tp_parallel_for(sum->pool, 0, 6, 1 + (lo + i) % 3, loops_deeper, &next), TP_OK);
    }
}

static void loops_nested(void *arg) {
    tp_pool *pool = (tp_pool *)arg;
    _Atomic uint64_t items = 0;
    struct sum sum = {pool, 3, &items};
    must_status(tp_parallel_for(pool, 0, 6, 1, loops_deeper, &sum), TP_OK);
    must(items == 6 * 6 * 6 * 6);
}

static void loops_nest(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 20, 500); round++) {
            loops_nested(pool);
            run_inside(pool, loops_nested, pool);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void *loops_nested_outside(void *pool) {
    for (size_t round = 0; round < rounds(1, 10, 200); round++) loops_nested(pool);
    return NULL;
}

static void eight_outside_threads_loop_at_once(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        run_outside(8, loops_nested_outside, pool);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void sixteen_tasks_loop_at_once(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 5, 100); round++) {
            for (int task = 0; task < 16; task++) assert_status(tp_submit(pool, loops_nested, pool), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// So many that the pool has no seat for each: all are in a body at the same time, and each loop ends.
enum { MANY = 70 };

struct seats {
    tp_pool *pool;
    struct tally met;
    struct tally ended;
};

static void meets_the_other_threads(uint64_t lo, uint64_t hi, void *ctx) {
    struct seats *seats = (struct seats *)ctx;
    if (lo == 0) meet(&seats->met, MANY);
    must(tp_current() == seats->pool);
    must(tp_loop_slot() < tp_slot_count(seats->pool));
    for (uint64_t i = lo; i < hi; i++) tally_add(&seats->ended);
}

static void *loops_while_all_loop(void *arg) {
    struct seats *seats = (struct seats *)arg;
    must_status(tp_parallel_for(seats->pool, 0, 10, 1, meets_the_other_threads, seats), TP_OK);
    must(tp_current() == NULL);
    loops_nested(seats->pool);
    return NULL;
}

static void seventy_outside_threads_loop_at_once(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(1, 10, 100); round++) {
        struct seats seats = {pool_of(2), TALLY_INIT, TALLY_INIT};
        run_outside(MANY, loops_while_all_loop, &seats);
        assert_int_equal(tally_now(&seats.ended), MANY * 10);
        assert_status(tp_destroy(seats.pool), TP_OK);
    }
}

// ---- Uneven bodies -----------------------------------------------------------------------------------------

struct uneven {
    tp_pool *pool;
    _Atomic uint64_t work;
};

static void costs_its_index(uint64_t lo, uint64_t hi, void *ctx) {
    struct uneven *uneven = (struct uneven *)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        uint64_t steps = 0;
        for (volatile uint64_t step = 0; step < i; step++) steps++;
        atomic_fetch_add(&uneven->work, steps);
    }
}

// Much at one end only: one thread has it all unless it is taken from.
static void costs_at_the_end(uint64_t lo, uint64_t hi, void *ctx) {
    struct uneven *uneven = (struct uneven *)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        if (i >= 990) nap();
        atomic_fetch_add(&uneven->work, 1);
    }
}

static void bodies_of_uneven_cost_all_run(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct uneven uneven = {pool_of(worker_counts[i]), 0};
        uint64_t n = rounds(100, 2000, 10000);
        for (uint64_t grain = 0; grain < 4; grain++) {
            uneven.work = 0;
            assert_status(tp_parallel_for(uneven.pool, 0, n, grain, costs_its_index, &uneven), TP_OK);
            assert_int_equal(uneven.work, n * (n - 1) / 2);
            uneven.work = 0;
            assert_status(tp_parallel_for(uneven.pool, 0, 1000, grain, costs_at_the_end, &uneven), TP_OK);
            assert_int_equal(uneven.work, 1000);
        }
        assert_status(tp_destroy(uneven.pool), TP_OK);
    }
}

// ---- Bodies that call the pool -----------------------------------------------------------------------------

struct calls {
    tp_pool *pool;
    _Atomic uint64_t ran;
    _Atomic uint64_t items;
};

static void submits(uint64_t lo, uint64_t hi, void *ctx) {
    struct calls *calls = (struct calls *)ctx;
    for (uint64_t i = lo; i < hi; i++) must_status(tp_submit(calls->pool, adds, &calls->ran), TP_OK);
}

static void *adds_async(void *arg) {
    adds(&((struct calls *)arg)->ran);
    return arg;
}

static void waits_for_a_group_and_a_future(uint64_t lo, uint64_t hi, void *ctx) {
    struct calls *calls = (struct calls *)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        tp_group *group = group_of(calls->pool, NULL);
        for (int n = 0; n < 3; n++) must_status(tp_group_submit(group, adds, &calls->ran), TP_OK);
        tp_future *future = future_of(calls->pool, adds_async, ctx);
        must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
        must(value_of(future) == ctx);
        tp_future_release(future);
        must_status(tp_group_destroy(group), TP_OK);
    }
}

static void blocks(uint64_t lo, uint64_t hi, void *ctx) {
    struct calls *calls = (struct calls *)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        must_status(tp_blocking_begin(), TP_OK);
        sched_yield();
        must_status(tp_blocking_end(), TP_OK);
        must_status(tp_blocking_end(), TP_EINVAL);
        adds(&calls->ran);
    }
}

static void resizes(uint64_t lo, uint64_t hi, void *ctx) {
    struct calls *calls = (struct calls *)ctx;
    must_status(tp_resize(calls->pool, 1 + (uint32_t)lo % 4), TP_OK);
    atomic_fetch_add(&calls->ran, hi - lo);
}

static void pauses_or_resumes(uint64_t lo, uint64_t hi, void *ctx) {
    struct calls *calls = (struct calls *)ctx;
    must_status(lo % 3 == 0 ? tp_pause(calls->pool) : tp_resume(calls->pool), TP_OK);
    atomic_fetch_add(&calls->ran, hi - lo);
}

static void tries_to_wait(uint64_t lo, uint64_t hi, void *ctx) {
    struct calls *calls = (struct calls *)ctx;
    must(tp_current() == calls->pool);
    cannot_wait_for(calls->pool);
    atomic_fetch_add(&calls->ran, hi - lo);
}

// Each of the bodies, in a loop of 24 items from outside and from a task, with what it has added in the end.
static const struct {
    tp_range_fn body;
    uint64_t ran;
} bodies[] = {{submits, 24}, {waits_for_a_group_and_a_future, 96}, {blocks, 24}, {resizes, 24}, {tries_to_wait, 24}};

struct body_call {
    struct calls *calls;
    tp_range_fn body;
};

static void loops_with_the_body(void *arg) {
    struct body_call *call = (struct body_call *)arg;
    must_status(tp_parallel_for(call->calls->pool, 0, 24, 1, call->body, call->calls), TP_OK);
}

static void bodies_submit_wait_block_and_resize_and_are_told_what_they_cannot_wait_for(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (size_t body = 0; body < sizeof bodies / sizeof *bodies; body++) {
            struct calls calls = {pool_of(worker_counts[i]), 0, 0};
            struct body_call call = {&calls, bodies[body].body};
            for (size_t round = 0; round < rounds(1, 20, 500); round++) {
                for (int inside = 0; inside < 2; inside++) {
                    calls.ran = 0;
                    run_where(calls.pool, inside, loops_with_the_body, &call);
                    assert_status(tp_wait(calls.pool, LIMIT_NS), TP_OK);
                    assert_int_equal(calls.ran, bodies[body].ran);
                }
            }
            assert_status(tp_destroy(calls.pool), TP_OK);
        }
    }
}

// The last item may have left it paused.
static bool is_quiet_if_resumed(tp_pool *pool) {
    must_status(tp_resume(pool), TP_OK);
    return tp_wait(pool, 0) == TP_OK;
}

static void a_body_pauses_the_pool_and_the_loop_ends(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct calls calls = {pool_of(worker_counts[i]), 0, 0};
        struct body_call call = {&calls, pauses_or_resumes};
        for (size_t round = 0; round < rounds(3, 100, 2000); round++) {
            for (int inside = 0; inside < 2; inside++) {
                calls.ran = 0;
                assert_status(tp_resume(calls.pool), TP_OK);
                if (inside) assert_status(tp_submit(calls.pool, loops_with_the_body, &call), TP_OK);
                else loops_with_the_body(&call);
                assert_soon(is_quiet_if_resumed(calls.pool));
                assert_int_equal(calls.ran, 24);
            }
        }
        assert_status(tp_destroy(calls.pool), TP_OK);
    }
}

// ---- What a stolen body's stack is -------------------------------------------------------------------------

struct place {
    tp_pool *pool;
    tp_future *future;
    tp_group *group;
    struct tally ready;
    struct tally met;
};

static void asks_for_what_its_caller_stands_in(uint64_t lo, uint64_t hi, void *ctx) {
    struct place *place = (struct place *)ctx;
    must(hi == lo + 1);
    // Both are in it at once: one of them was taken.
    meet(&place->met, 2);
    must(tp_current() == place->pool);
    cannot_wait_for(place->pool);
    if (place->group != NULL) must_status(tp_group_wait(place->group, TP_FOREVER), TP_EDEADLK);
    if (place->future == NULL) return;
    must_status(tp_future_wait(place->future, TP_FOREVER, NULL), TP_EDEADLK);
    must_status(tp_future_wait_any(&place->future, 1, TP_FOREVER, NULL), TP_EDEADLK);
}

static void loops_in_its_place(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(tp_parallel_for(place->pool, 0, 2, 1, asks_for_what_its_caller_stands_in, place), TP_OK);
}

static void *loops_in_its_future(void *arg) {
    must(tally_reaches(&((struct place *)arg)->ready, 1));
    loops_in_its_place(arg);
    return arg;
}

static void a_body_on_any_thread_cannot_wait_for_what_its_caller_stands_in(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
        struct place in_group = {pool_of(2), NULL, NULL, TALLY_INIT, TALLY_INIT};
        in_group.group = group_of(in_group.pool, NULL);
        assert_status(tp_group_submit(in_group.group, loops_in_its_place, &in_group), TP_OK);
        assert_status(tp_group_wait(in_group.group, LIMIT_NS), TP_OK);
        assert_status(tp_group_destroy(in_group.group), TP_OK);
        struct place in_future = {in_group.pool, NULL, NULL, TALLY_INIT, TALLY_INIT};
        in_future.future = future_of(in_future.pool, loops_in_its_future, &in_future);
        tally_add(&in_future.ready);
        assert_ptr_equal(value_of(in_future.future), &in_future);
        tp_future_release(in_future.future);
        struct place outside = {in_group.pool, NULL, NULL, TALLY_INIT, TALLY_INIT};
        loops_in_its_place(&outside);
        assert_null(tp_current());
        assert_status(tp_wait(in_group.pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(in_group.pool), TP_OK);
    }
}

// A task that waits for another one, which runs on its stack and loops there, for the only other worker is held until
// then. Both are below the item that was taken.
struct deep {
    tp_pool *pool;
    tp_group *outer;
    tp_group *inner;
    struct gate gate;
    struct tally met;
};

static void asks_for_all_below(uint64_t lo, uint64_t hi, void *ctx) {
    struct deep *deep = (struct deep *)ctx;
    must(hi == lo + 1);
    meet(&deep->met, 2);
    must_status(tp_group_wait(deep->inner, TP_FOREVER), TP_EDEADLK);
    must_status(tp_group_wait(deep->outer, TP_FOREVER), TP_EDEADLK);
}

static void loops_on_its_waiters_stack(void *arg) {
    struct deep *deep = (struct deep *)arg;
    gate_open(&deep->gate);
    must_status(tp_parallel_for(deep->pool, 0, 2, 1, asks_for_all_below, arg), TP_OK);
}

static void waits_for_one_that_loops(void *arg) {
    struct deep *deep = (struct deep *)arg;
    must_status(tp_group_submit(deep->inner, loops_on_its_waiters_stack, arg), TP_OK);
    must_status(tp_group_wait(deep->inner, LIMIT_NS), TP_OK);
}

static void a_body_cannot_wait_for_what_is_further_down_its_callers_stack(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        tp_pool *pool = pool_reserved(2, 0);
        struct deep deep = {pool, group_of(pool, NULL), group_of(pool, NULL), GATE_INIT, TALLY_INIT};
        occupy(pool, &deep.gate, 1);
        assert_status(tp_group_submit(deep.outer, waits_for_one_that_loops, &deep), TP_OK);
        assert_status(tp_group_wait(deep.outer, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&deep.met), 2);
        assert_status(tp_group_destroy(deep.inner), TP_OK);
        assert_status(tp_group_destroy(deep.outer), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// A body, known by the body that called its loop; below what this thread is waiting in, if it waits.
struct node {
    tp_pool *pool;
    const struct node *parent;
    uint32_t depth;
    _Atomic uint64_t *bodies;
};

static _Thread_local const struct node *innermost;

static void grows_among_strangers(uint64_t lo, uint64_t hi, void *ctx) {
    const struct node *loop = (const struct node *)ctx;
    const struct node *before = innermost;
    bool below = before == NULL;
    for (const struct node *node = loop; node != NULL && !below; node = node->parent) below = node == before;
    must(below);
    must(hi == lo + 1);
    atomic_fetch_add(loop->bodies, 1);
    if (loop->depth > 0) {
        struct node inner = {loop->pool, loop, loop->depth - 1, loop->bodies};
        innermost = &inner;
        must_status(tp_parallel_for(loop->pool, 0, 3, 1, grows_among_strangers, &inner), TP_OK);
    } else if (lo == 0) {
        sched_yield();
    }
    innermost = before;
}

static void starts_a_tree(void *arg) {
    struct sum *sum = (struct sum *)arg;
    must(innermost == NULL);
    struct node root = {sum->pool, NULL, sum->depth, sum->items};
    innermost = &root;
    must_status(tp_parallel_for(sum->pool, 0, 3, 1, grows_among_strangers, &root), TP_OK);
    innermost = NULL;
}

static void is_a_stranger(void *ran) {
    must(innermost == NULL);
    adds(ran);
}

static void *starts_trees_outside(void *arg) {
    for (size_t round = 0; round < rounds(2, 10, 200); round++) starts_a_tree(arg);
    return NULL;
}

static void who_waits_for_the_rest_of_a_loop_runs_no_stranger(void **state) {
    (void)state;
    enum { OUTSIDE = 4, TASKS = 16 };
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        _Atomic uint64_t items = 0;
        uint64_t tree = 3 + 9 + 27 + 81;
        size_t n = rounds(2, 10, 200);
        pthread_t threads[OUTSIDE];
        struct sum sum = {pool_of(worker_counts[i]), 3, &items};
        for (int thread = 0; thread < OUTSIDE; thread++) threads[thread] = start_thread(starts_trees_outside, &sum);
        for (size_t round = 0; round < n; round++) {
            for (int task = 0; task < TASKS; task++) {
                assert_status(tp_submit(sum.pool, starts_a_tree, &sum), TP_OK);
                assert_status(tp_submit(sum.pool, is_a_stranger, &ran), TP_OK);
            }
            assert_status(tp_wait(sum.pool, LIMIT_NS), TP_OK);
        }
        for (int thread = 0; thread < OUTSIDE; thread++) join_thread(threads[thread]);
        assert_int_equal(ran, n * TASKS);
        assert_int_equal(items, tree * n * (TASKS + OUTSIDE));
        assert_status(tp_destroy(sum.pool), TP_OK);
    }
}

// The same with loops and branches in one another, by chance, on a pool that has more workers than its loops have
// slots: who finds no slot free in a loop takes what is in its bodies.
struct twig {
    tp_pool *pool;
    const struct twig *parent;
    uint32_t depth;
    uint64_t seed;
    _Atomic uint64_t *seen;
};

static _Thread_local const struct twig *innermost_twig;

static void grows_by_chance(void *arg);

static void grows_an_item(uint64_t lo, uint64_t hi, void *ctx) {
    const struct twig *loop = (const struct twig *)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        struct twig item = {loop->pool, loop, loop->depth - 1, loop->seed + i, loop->seen};
        grows_by_chance(&item);
    }
}

static void grows_by_chance(void *arg) {
    struct twig *twig = (struct twig *)arg;
    const struct twig *before = innermost_twig;
    bool below = before == NULL;
    for (const struct twig *at = twig; at != NULL && !below; at = at->parent) below = at == before;
    must(below);
    atomic_fetch_add(twig->seen, 1);
    innermost_twig = twig;
    if (twig->depth > 0 && chance(&twig->seed) % 2 == 0) {
        must_status(tp_parallel_for(twig->pool, 0, 3, 1, grows_an_item, twig), TP_OK);
    } else if (twig->depth > 0) {
        struct twig a = {twig->pool, twig, twig->depth - 1, chance(&twig->seed), twig->seen};
        struct twig b = {twig->pool, twig, twig->depth - 1, chance(&twig->seed), twig->seen};
        must_status(tp_parallel_invoke(twig->pool, grows_by_chance, &a, grows_by_chance, &b), TP_OK);
    } else if (chance(&twig->seed) % 4 == 0) {
        sched_yield();
    }
    innermost_twig = before;
}

static void grows_a_tree_by_chance(void *arg) {
    tp_pool *pool = (tp_pool *)arg;
    _Atomic uint64_t seen = 0;
    must(innermost_twig == NULL);
    for (uint64_t seed = 0; seed < rounds(2, 10, 100); seed++) {
        struct twig root = {pool, NULL, 5, seed, &seen};
        grows_by_chance(&root);
    }
    must(seen > 0);
}

static void *grows_trees_by_chance_outside(void *arg) {
    grows_a_tree_by_chance(arg);
    return NULL;
}

static void who_waits_among_loops_and_branches_runs_no_stranger(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        assert_status(tp_resize(pool, 4), TP_OK);
        for (size_t round = 0; round < rounds(1, 3, 30); round++) {
            for (int task = 0; task < 4; task++) {
                assert_status(tp_submit(pool, grows_a_tree_by_chance, pool), TP_OK);
            }
            run_outside(2, grows_trees_by_chance_outside, pool);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// The caller is through, one item runs elsewhere and needs a task that was submitted meanwhile.
struct replaced {
    tp_pool *pool;
    bool needed;
    struct tally met;
    struct tally ran;
    pthread_t caller;
};

static void one_needs_a_task(uint64_t lo, uint64_t hi, void *ctx) {
    struct replaced *replaced = (struct replaced *)ctx;
    must(hi == lo + 1);
    meet(&replaced->met, 2);
    if (pthread_equal(replaced->caller, pthread_self())) return;
    must_status(tp_submit(replaced->pool, count, &replaced->ran), TP_OK);
    if (replaced->needed) must(tally_reaches(&replaced->ran, 1));
    else nap();
}

static void loops_with_one_that_needs_a_task(void *arg) {
    struct replaced *replaced = (struct replaced *)arg;
    replaced->caller = pthread_self();
    must_status(tp_parallel_for(replaced->pool, 0, 2, 1, one_needs_a_task, replaced), TP_OK);
}

static void another_takes_the_place_of_a_task_that_waits_for_the_rest_of_its_loop(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 100, 1000); round++) {
        struct replaced replaced = {pool_of(2), true, TALLY_INIT, TALLY_INIT, pthread_self()};
        run_inside(replaced.pool, loops_with_one_that_needs_a_task, &replaced);
        assert_int_equal(tally_now(&replaced.ran), 1);
        assert_status(tp_destroy(replaced.pool), TP_OK);
    }
}

static void a_task_waits_for_the_rest_of_its_loop_where_no_reserve_is_to_be_had(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 100, 1000); round++) {
        struct replaced replaced = {pool_reserved(2, 0), false, TALLY_INIT, TALLY_INIT, pthread_self()};
        run_inside(replaced.pool, loops_with_one_that_needs_a_task, &replaced);
        assert_int_equal(tally_now(&replaced.ran), 1);
        assert_status(tp_destroy(replaced.pool), TP_OK);
    }
}

// ---- Cancellation ------------------------------------------------------------------------------------------

struct asked {
    tp_pool *pool;
    struct tally met;
    struct tally items;
};

static void sees_that_it_is_asked_to_stop(uint64_t lo, uint64_t hi, void *ctx) {
    struct asked *asked = (struct asked *)ctx;
    must(hi == lo + 1);
    if (lo < 2) {
        must(tp_cancelled() == 0);
        meet(&asked->met, 2);
    }
    must_soon(tp_cancelled() == 1);
    tally_add(&asked->items);
}

static void loops_and_is_asked_to_stop(void *arg) {
    struct asked *asked = (struct asked *)arg;
    must_status(tp_parallel_for(asked->pool, 0, 2, 1, sees_that_it_is_asked_to_stop, asked), TP_OK);
    // One that was asked already loops all the same, and all its items are.
    must_status(tp_parallel_for(asked->pool, 2, 50, 1, sees_that_it_is_asked_to_stop, asked), TP_OK);
}

static void is_not_asked_to_stop(void *gate) {
    must(tp_cancelled() == 0);
    stand(gate);
}

static void a_body_is_asked_to_stop_with_its_callers_group_on_any_thread(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
        struct asked asked = {pool_of(2), TALLY_INIT, TALLY_INIT};
        struct gate gate = GATE_INIT;
        tp_group *group = group_of(asked.pool, NULL);
        assert_status(tp_group_submit(group, loops_and_is_asked_to_stop, &asked), TP_OK);
        assert_true(tally_reaches(&asked.met, 2));
        assert_status(tp_group_cancel(group), TP_OK);
        assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&asked.items), 50);
        // Neither worker has anything left of it.
        for (int i = 0; i < 2; i++) assert_status(tp_submit(asked.pool, is_not_asked_to_stop, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, 2));
        gate_open(&gate);
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(asked.pool), TP_OK);
    }
}

// ---- Pools that are full, paused or at their end -----------------------------------------------------------

// Slow, so that whoever is awake would have one.
static void is_slow_and_on_the_caller(uint64_t lo, uint64_t hi, void *ctx) {
    nap();
    stops_at_a_call(lo, hi, ctx);
}

static void on_a_paused_pool_the_caller_has_every_item(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        assert_status(tp_pause(pool), TP_OK);
        for (size_t round = 0; round < rounds(3, 100, 2000); round++) {
            struct stopped stopped = {pool, pthread_self(), 0, 0};
            assert_status(tp_parallel_for(pool, 0, 100, 1, stops_at_a_call, &stopped), TP_OK);
            assert_int_equal(stopped.calls, 100);
        }
        for (size_t round = 0; round < rounds(3, 20, 100); round++) {
            struct stopped stopped = {pool, pthread_self(), 0, 0};
            assert_status(tp_parallel_for(pool, 0, 10, 1, is_slow_and_on_the_caller, &stopped), TP_OK);
            assert_int_equal(stopped.calls, 10);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_full_queue_is_nothing_to_a_loop(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_EFULL);
    loops_nested(pool);
    assert_int_equal(tp_queued(pool), 1);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

struct ending {
    tp_pool *pool;
    struct tally begun;
    struct tally told;
    int32_t cancelled;
    _Atomic uint64_t items;
};

static void runs_at_the_end(uint64_t lo, uint64_t hi, void *ctx) {
    struct ending *ending = (struct ending *)ctx;
    must(tp_cancelled() == ending->cancelled);
    atomic_fetch_add(&ending->items, hi - lo);
}

static void loops_at_the_end(void *arg) {
    struct ending *ending = (struct ending *)arg;
    tally_add(&ending->begun);
    must(tally_reaches(&ending->told, 1));
    must_status(tp_parallel_for(ending->pool, 0, 100, 1, runs_at_the_end, ending), TP_OK);
}

static void at_the_end_outside_callers_are_refused_and_a_tasks_loop_runs(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        for (int workers = 0; workers < WORKER_COUNTS; workers++) {
            struct ending ending = {pool_of(worker_counts[workers]), TALLY_INIT, TALLY_INIT, modes[i] == TP_DISCARD, 0};
            assert_status(tp_submit(ending.pool, loops_at_the_end, &ending), TP_OK);
            assert_true(tally_reaches(&ending.begun, 1));
            assert_status(tp_shutdown(ending.pool, modes[i], 0), TP_ETIMEDOUT);
            assert_status(tp_parallel_for(ending.pool, 0, 10, 1, must_not_loop, NULL), TP_ESHUTDOWN);
            tally_add(&ending.told);
            assert_status(tp_shutdown(ending.pool, modes[i], LIMIT_NS), TP_OK);
            assert_int_equal(ending.items, 100);
            assert_status(tp_parallel_for(ending.pool, 0, 10, 1, must_not_loop, NULL), TP_ESHUTDOWN);
            assert_status(tp_destroy(ending.pool), TP_OK);
        }
    }
}

struct held {
    tp_pool *pool;
    uint64_t items;
    struct gate gate;
    struct tally ended;
};

static void stands_in_each_item(uint64_t lo, uint64_t hi, void *ctx) {
    for (uint64_t i = lo; i < hi; i++) stand(&((struct held *)ctx)->gate);
}

static void *loops_at_the_gate(void *arg) {
    struct held *held = (struct held *)arg;
    must_status(tp_parallel_for(held->pool, 0, held->items, 1, stands_in_each_item, held), TP_OK);
    tally_add(&held->ended);
    return NULL;
}

static void a_wait_for_the_pool_waits_for_loops(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int paused = 0; paused < 2; paused++) {
            struct held held = {pool_of(worker_counts[i]), 20, GATE_INIT, TALLY_INIT};
            if (paused) assert_status(tp_pause(held.pool), TP_OK);
            pthread_t thread = start_thread(loops_at_the_gate, &held);
            assert_true(tally_reaches(&held.gate.entered, 1));
            assert_status(tp_wait(held.pool, 0), TP_ETIMEDOUT);
            assert_status(tp_wait(held.pool, SHORT_NS), TP_ETIMEDOUT);
            gate_open(&held.gate);
            assert_status(tp_wait(held.pool, LIMIT_NS), TP_OK);
            assert_int_equal(tally_now(&held.gate.left), 20);
            join_thread(thread);
            assert_status(tp_destroy(held.pool), TP_OK);
        }
    }
}

static void loops_that_run_when_the_pool_is_shut_down_run_to_their_end(void **state) {
    (void)state;
    enum { LOOPS = 3 };
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t round = 0; round < rounds(2, 40, 500); round++) {
        struct held held[LOOPS];
        pthread_t threads[LOOPS];
        tp_pool *pool = pool_of(worker_counts[round % WORKER_COUNTS]);
        for (int i = 0; i < LOOPS; i++) {
            held[i] = (struct held){pool, 20, GATE_INIT, TALLY_INIT};
            threads[i] = start_thread(loops_at_the_gate, &held[i]);
            assert_true(tally_reaches(&held[i].gate.entered, 1));
        }
        assert_status(tp_shutdown(pool, modes[round % 2], 0), TP_ETIMEDOUT);
        for (int i = 0; i < LOOPS; i++) gate_open(&held[i].gate);
        assert_status(tp_shutdown(pool, modes[round % 2], LIMIT_NS), TP_OK);
        for (int i = 0; i < LOOPS; i++) {
            join_thread(threads[i]);
            assert_int_equal(tally_now(&held[i].gate.left), 20);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Two pools ---------------------------------------------------------------------------------------------

struct pools {
    tp_pool *pool;
    tp_pool *other;
    uint32_t depth;
    _Atomic uint64_t *items;
};

static void loops_on_the_other_pool(uint64_t lo, uint64_t hi, void *ctx) {
    const struct pools *pools = (const struct pools *)ctx;
    must(tp_current() == pools->pool);
    must_status(tp_wait(pools->pool, 0), TP_EDEADLK);
    must(tp_loop_slot() < tp_slot_count(pools->pool));
    if (pools->depth == 0) {
        atomic_fetch_add(pools->items, hi - lo);
        return;
    }
    struct pools next = {pools->other, pools->pool, pools->depth - 1, pools->items};
    for (uint64_t i = lo; i < hi; i++) {
        must_status(tp_parallel_for(pools->other, 0, 3, 1, loops_on_the_other_pool, &next), TP_OK);
    }
    must(tp_current() == pools->pool);
}

static void starts_on_its_own_pool(void *arg) {
    const struct pools *pools = (const struct pools *)arg;
    must_status(tp_parallel_for(pools->pool, 0, 3, 1, loops_on_the_other_pool, arg), TP_OK);
}

static void a_tasks_loop_on_another_pool_has_loops_on_the_first(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t items = 0;
        tp_pool *a = pool_of(worker_counts[i]);
        tp_pool *b = pool_of(worker_counts[WORKER_COUNTS - 1 - i]);
        struct pools in_a = {a, b, 3, &items};
        struct pools in_b = {b, a, 3, &items};
        size_t n = rounds(2, 30, 500);
        for (size_t round = 0; round < n; round++) {
            for (int task = 0; task < 3; task++) {
                assert_status(tp_submit(a, starts_on_its_own_pool, &in_a), TP_OK);
                assert_status(tp_submit(b, starts_on_its_own_pool, &in_b), TP_OK);
            }
            starts_on_its_own_pool(&in_a);
            assert_null(tp_current());
            assert_status(tp_wait(a, LIMIT_NS), TP_OK);
            assert_status(tp_wait(b, LIMIT_NS), TP_OK);
        }
        assert_int_equal(items, n * 7 * 81);
        assert_status(tp_destroy(a), TP_OK);
        assert_status(tp_destroy(b), TP_OK);
    }
}

// ---- Idle --------------------------------------------------------------------------------------------------

static uint64_t cpu_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void sleep_ns(uint64_t ns) {
    struct timespec time = {(time_t)(ns / SECOND), (long)(ns % SECOND)};
    while (nanosleep(&time, &time) != 0) must(errno == EINTR);
}

// The one test that lets time pass: that nothing happens meanwhile can only be waited for. One thread that spins would
// take nearly all of it.
static void nobody_spins_when_a_loop_is_over(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct items items = {pool_of(worker_counts[i]), 2, 2, 100, 0, TALLY_INIT};
        for (int inside = 0; inside < 2; inside++) {
            if (inside && worker_counts[i] == 1) continue;
            run_where(items.pool, inside, loops_over_items_that_meet, &items);
            sleep_ns(5 * MILLISECOND);
            uint64_t before = cpu_ns();
            sleep_ns(100 * MILLISECOND);
            assert_true(cpu_ns() - before < 20 * MILLISECOND);
        }
        assert_status(tp_destroy(items.pool), TP_OK);
    }
}

// A worker that waits for the rest of its loop, and one that has nothing to do meanwhile.
static void nobody_spins_while_an_item_takes_long(void **state) {
    (void)state;
    struct held held = {pool_of(3), 1, GATE_INIT, TALLY_INIT};
    pthread_t thread = start_thread(loops_at_the_gate, &held);
    assert_true(tally_reaches(&held.gate.entered, 1));
    sleep_ns(5 * MILLISECOND);
    uint64_t before = cpu_ns();
    sleep_ns(100 * MILLISECOND);
    assert_true(cpu_ns() - before < 20 * MILLISECOND);
    gate_open(&held.gate);
    join_thread(thread);
    assert_status(tp_destroy(held.pool), TP_OK);
}

static void one_item_stands(uint64_t lo, uint64_t hi, void *ctx) {
    struct held *held = (struct held *)ctx;
    must(hi == lo + 1);
    meet(&held->ended, 2);
    if (tp_worker_index() >= 0) stand(&held->gate);
}

static void *loops_with_one_that_stands(void *arg) {
    struct held *held = (struct held *)arg;
    must_status(tp_parallel_for(held->pool, 0, 2, 1, one_item_stands, held), TP_OK);
    return NULL;
}

static void a_caller_that_waits_for_the_rest_of_its_loop_does_not_spin(void **state) {
    (void)state;
    struct held held = {pool_of(1), 0, GATE_INIT, TALLY_INIT};
    pthread_t thread = start_thread(loops_with_one_that_stands, &held);
    assert_true(tally_reaches(&held.gate.entered, 1));
    sleep_ns(5 * MILLISECOND);
    uint64_t before = cpu_ns();
    sleep_ns(100 * MILLISECOND);
    assert_true(cpu_ns() - before < 20 * MILLISECOND);
    gate_open(&held.gate);
    join_thread(thread);
    assert_status(tp_destroy(held.pool), TP_OK);
}

// ---- The default pool, and pools that change ---------------------------------------------------------------

static void the_default_pool_starts_at_the_first_loop(void **state) {
    (void)state;
    struct tally items = TALLY_INIT;
    assert_int_equal(tp_slot_count(tp_default()), tp_thread_count(tp_default()) + 1);
    assert_status(tp_parallel_for(tp_default(), 0, 100, 1, counts_items, &items), TP_OK);
    assert_int_equal(tally_now(&items), 100);
}

struct resized {
    tp_pool *pool;
    atomic_bool over;
};

static void *resizes_until_over(void *arg) {
    struct resized *resized = (struct resized *)arg;
    for (uint32_t n = 0; !resized->over; n++) must_status(tp_resize(resized->pool, 1 + n % 5), TP_OK);
    return NULL;
}

static void *pauses_until_over(void *arg) {
    struct resized *resized = (struct resized *)arg;
    for (uint32_t n = 0; !resized->over; n++) {
        must_status(tp_pause(resized->pool), TP_OK);
        sched_yield();
        must_status(tp_resume(resized->pool), TP_OK);
    }
    return NULL;
}

static void loops_run_while_the_pool_is_resized_and_paused(void **state) {
    (void)state;
    struct resized resized = {pool_of(2), false};
    pthread_t threads[] = {start_thread(resizes_until_over, &resized), start_thread(pauses_until_over, &resized)};
    for (size_t round = 0; round < rounds(1, 20, 500); round++) {
        loops_nested(resized.pool);
        run_inside(resized.pool, loops_nested, resized.pool);
    }
    atomic_store(&resized.over, true);
    for (int i = 0; i < 2; i++) join_thread(threads[i]);
    assert_status(tp_destroy(resized.pool), TP_OK);
}

struct meeting {
    bool takes_place;
    struct tally met;
};

static void meets_or_not(uint64_t lo, uint64_t hi, void *ctx) {
    struct meeting *meeting = (struct meeting *)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        if (meeting->takes_place) meet(&meeting->met, 2);
    }
}

// After short loops nobody is woken for one more, and a worker comes all the same.
static void items_wait_for_each_other_after_loops_that_were_short(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < rounds(2, 50, 1000); i++) {
        struct meeting meeting = {false, TALLY_INIT};
        for (int loop = 0; loop < 5; loop++) {
            assert_status(tp_parallel_for(pool, 0, 2, 1, meets_or_not, &meeting), TP_OK);
            nap();
        }
        meeting.takes_place = true;
        assert_status(tp_parallel_for(pool, 0, 2, 1, meets_or_not, &meeting), TP_OK);
        assert_int_equal(tally_now(&meeting.met), 2);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_comes_once_and_no_call_gets_more_than_a_grain),
        cmocka_unit_test(so_it_is_for_shapes_by_chance),
        cmocka_unit_test(the_longest_ranges_are_covered_without_gap_or_overlap),
        cmocka_unit_test(an_empty_range_calls_nothing),
        cmocka_unit_test(bodies_see_what_the_caller_wrote_and_the_caller_what_they_wrote),
        cmocka_unit_test(two_items_that_wait_for_each_other_end_where_there_are_two_threads),
        cmocka_unit_test(as_many_items_run_at_once_as_there_are_threads),
        cmocka_unit_test(a_loop_wakes_a_pool_that_sleeps),
        cmocka_unit_test(a_loop_can_be_taken_from_while_its_owner_sits_in_one_item),
        cmocka_unit_test(a_range_with_more_chunks_than_32_bits_count_is_shared_and_stopped),
        cmocka_unit_test(no_call_follows_a_stop_on_the_thread_that_stopped),
        cmocka_unit_test(a_loop_that_is_stopped_says_so_and_leaves_the_rest),
        cmocka_unit_test(a_stop_in_the_only_call_is_told_too),
        cmocka_unit_test(a_stop_outside_a_loop_does_nothing),
        cmocka_unit_test(a_stop_is_the_innermost_loops),
        cmocka_unit_test(a_branch_stops_the_loop_that_it_is_in),
        cmocka_unit_test(a_task_that_a_body_waits_for_is_not_in_its_loop),
        cmocka_unit_test(bodies_that_run_at_once_have_different_slots_below_the_count),
        cmocka_unit_test(so_it_is_where_bodies_block_and_reserves_come),
        cmocka_unit_test(the_slot_count_stays_after_a_resize_and_slots_stay_below_it),
        cmocka_unit_test(each_slot_is_had_when_all_threads_are_in_a_loop),
        cmocka_unit_test(a_branch_has_its_callers_slot_wherever_it_runs),
        cmocka_unit_test(a_slot_is_the_innermost_loops_and_comes_back_after_it),
        cmocka_unit_test(loops_nest),
        cmocka_unit_test(eight_outside_threads_loop_at_once),
        cmocka_unit_test(sixteen_tasks_loop_at_once),
        cmocka_unit_test(seventy_outside_threads_loop_at_once),
        cmocka_unit_test(bodies_of_uneven_cost_all_run),
        cmocka_unit_test(bodies_submit_wait_block_and_resize_and_are_told_what_they_cannot_wait_for),
        cmocka_unit_test(a_body_pauses_the_pool_and_the_loop_ends),
        cmocka_unit_test(a_body_on_any_thread_cannot_wait_for_what_its_caller_stands_in),
        cmocka_unit_test(a_body_cannot_wait_for_what_is_further_down_its_callers_stack),
        cmocka_unit_test(who_waits_for_the_rest_of_a_loop_runs_no_stranger),
        cmocka_unit_test(who_waits_among_loops_and_branches_runs_no_stranger),
        cmocka_unit_test(another_takes_the_place_of_a_task_that_waits_for_the_rest_of_its_loop),
        cmocka_unit_test(a_task_waits_for_the_rest_of_its_loop_where_no_reserve_is_to_be_had),
        cmocka_unit_test(a_body_is_asked_to_stop_with_its_callers_group_on_any_thread),
        cmocka_unit_test(on_a_paused_pool_the_caller_has_every_item),
        cmocka_unit_test(a_full_queue_is_nothing_to_a_loop),
        cmocka_unit_test(at_the_end_outside_callers_are_refused_and_a_tasks_loop_runs),
        cmocka_unit_test(a_wait_for_the_pool_waits_for_loops),
        cmocka_unit_test(loops_that_run_when_the_pool_is_shut_down_run_to_their_end),
        cmocka_unit_test(a_tasks_loop_on_another_pool_has_loops_on_the_first),
        cmocka_unit_test(nobody_spins_when_a_loop_is_over),
        cmocka_unit_test(nobody_spins_while_an_item_takes_long),
        cmocka_unit_test(a_caller_that_waits_for_the_rest_of_its_loop_does_not_spin),
        cmocka_unit_test(the_default_pool_starts_at_the_first_loop),
        cmocka_unit_test(loops_run_while_the_pool_is_resized_and_paused),
        cmocka_unit_test(items_wait_for_each_other_after_loops_that_were_short),
    };
    return run_file(tests);
}
