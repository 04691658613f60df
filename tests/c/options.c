// options: every field of tp_options and tp_task_options does what tp.h says, and a value out of range is refused.
//
// Nothing here uses the default pool but in a child, so that between two pools this process has one thread.

#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void assert_invalid(const tp_options *options) {
    tp_pool *pool = (tp_pool *)&pool;
    assert_status(tp_create(options, &pool), TP_EINVAL);
    assert_null(pool);
    assert_soon(threads_now() == 1);
}

static void assert_accepted(const tp_options *options) {
    tp_pool *pool = NULL;
    assert_status(tp_create(options, &pool), TP_OK);
    assert_non_null(pool);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Number of threads -------------------------------------------------------------------------------------

static void a_pool_has_as_many_threads_as_were_asked_for(void **state) {
    (void)state;
    const uint32_t counts[] = {1, 2, 3, 17};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        tp_pool *pool = pool_of(counts[i]);
        assert_int_equal(tp_thread_count(pool), counts[i]);
        assert_soon(threads_now() == 1 + counts[i]);
        assert_status(tp_destroy(pool), TP_OK);
        assert_soon(threads_now() == 1);
    }
}

// A sanitizer keeps books about each thread, and takes minutes with so many.
static void a_pool_of_4096_threads_is_had_or_refused_without_a_trace(void **state) {
    (void)state;
    if (RUNNING_ON_VALGRIND || UNDER_TSAN || UNDER_ASAN) skip();
    struct tally ran = TALLY_INIT;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 4096;
    options.stack_size = 128 << 10;
    tp_pool *pool = NULL;
    tp_status status = tp_create(&options, &pool);
    assert_true(status == TP_OK || status == TP_EAGAIN);
    if (status == TP_OK) {
        assert_int_equal(tp_thread_count(pool), 4096);
        for (int i = 0; i < 10000; i++) assert_status(tp_submit(pool, count, &ran), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&ran), 10000);
    } else {
        assert_null(pool);
    }
    assert_status(tp_destroy(pool), TP_OK);
    assert_soon(threads_now() == 1);
}

static void more_than_4096_threads_are_invalid(void **state) {
    (void)state;
    const uint32_t counts[] = {4097, 1000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = counts[i];
        assert_invalid(&options);
    }
}

// What a new default pool of a child counts, with TP_NUM_THREADS set to `text`; NULL: not set.
static void exits_with_the_default_count(void *text) {
    if (text == NULL) unsetenv("TP_NUM_THREADS");
    if (text != NULL) setenv("TP_NUM_THREADS", (const char *)text, 1);
    uint32_t threads = tp_thread_count(tp_default());
    must(threads_now() == 1);
    must(threads < 255);
    child_end((int)threads);
}

static uint32_t default_count(char *text) {
    struct child child = child_run(exits_with_the_default_count, text);
    if (child.code <= 0) fail_msg("signal %d: %s", child.signal, child.text);
    return (uint32_t)child.code;
}

static void creates_by_the_environment(void *arg) {
    (void)arg;
    setenv("TP_NUM_THREADS", "3", 1);
    tp_pool *pool = NULL;
    tp_options options = TP_OPTIONS_INIT;
    must_status(tp_create(NULL, &pool), TP_OK);
    must(tp_thread_count(pool) == 3);
    must_soon(threads_now() == 4);
    must_status(tp_destroy(pool), TP_OK);
    must_status(tp_create(&options, &pool), TP_OK);
    must(tp_thread_count(pool) == 3);
    must_status(tp_destroy(pool), TP_OK);
    options.threads = 2;
    must_status(tp_create(&options, &pool), TP_OK);
    must(tp_thread_count(pool) == 2);
    must_status(tp_destroy(pool), TP_OK);
}

static void the_environment_gives_the_number_where_the_options_do_not(void **state) {
    (void)state;
    char three[] = "3";
    char one[] = "1";
    assert_int_equal(default_count(three), 3);
    assert_int_equal(default_count(one), 1);
    assert_child(creates_by_the_environment, NULL);
}

static void an_environment_that_gives_no_such_number_is_ignored(void **state) {
    (void)state;
    uint32_t usual = default_count(NULL);
    char texts[][24] = {"", "0", "-1", "5000", "4097", "many", "3x", "0x3", "99999999999999999999", "3.5"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (default_count(texts[i]) != usual) fail_msg("TP_NUM_THREADS=%s is not ignored", texts[i]);
    }
}

// ---- CPUs --------------------------------------------------------------------------------------------------

static uint32_t first_cpu(void) {
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    uint32_t cpu = 0;
    while (!CPU_ISSET(cpu, &set)) cpu++;
    return cpu;
}

static void keep_to_cpu(uint32_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    must(sched_setaffinity(0, sizeof set, &set) == 0);
}

static void the_default_number_is_no_more_than_the_cpus_that_there_are(void **state) {
    (void)state;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    assert_in_range(default_count(NULL), 1, CPU_COUNT(&set));
}

static void creates_on_one_cpu(void *cpu) {
    unsetenv("TP_NUM_THREADS");
    keep_to_cpu(*(uint32_t *)cpu);
    tp_pool *pool = NULL;
    must_status(tp_create(NULL, &pool), TP_OK);
    must(tp_thread_count(pool) == 1);
    must(tp_thread_count(tp_default()) == 1);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_thread_that_is_kept_to_one_cpu_makes_a_pool_of_one(void **state) {
    (void)state;
    uint32_t cpu = first_cpu();
    assert_child(creates_on_one_cpu, &cpu);
}

static void creates_for_one_cpu(void *cpu) {
    unsetenv("TP_NUM_THREADS");
    tp_options options = TP_OPTIONS_INIT;
    options.cpus = (const uint32_t *)cpu;
    options.cpus_len = 1;
    tp_pool *pool = pool_with(options);
    must(tp_thread_count(pool) == 1);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_list_of_one_cpu_makes_a_pool_of_one(void **state) {
    (void)state;
    uint32_t cpu = first_cpu();
    assert_child(creates_for_one_cpu, &cpu);
}

// Writes one line to a file of a control group; false if that cannot be done.
static bool write_line(const char *folder, const char *file, const char *line) {
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "r+");
    if (stream == NULL) return false;
    bool written = fputs(line, stream) >= 0;
    return fclose(stream) == 0 && written;
}

struct quota {
    char folder[300];
    bool second_version;
    const char *microseconds;
    uint32_t threads;
};

static void counts_under_a_quota(void *arg) {
    struct quota *quota = (struct quota *)arg;
    char line[64];
    snprintf(line, sizeof line, "%s 100000", quota->microseconds);
    bool limited = quota->second_version ? write_line(quota->folder, "cpu.max", line)
                                         : write_line(quota->folder, "cpu.cfs_quota_us", quota->microseconds);
    if (!limited || !write_line(quota->folder, "cgroup.procs", "0")) child_end(CANNOT);
    unsetenv("TP_NUM_THREADS");
    tp_pool *pool = NULL;
    must_status(tp_create(NULL, &pool), TP_OK);
    must(tp_thread_count(pool) == quota->threads);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_quota_of_the_control_group_is_rounded_up(void **state) {
    (void)state;
    const char *microseconds[] = {"20000", "100000", "100001"};
    const char *roots[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"};
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    if (CPU_COUNT(&set) < 2) skip();
    bool tried = false;
    for (int version = 0; version < 2; version++) {
        for (size_t i = 0; i < 3; i++) {
            struct quota quota = {"", version == 1, microseconds[i], i < 2 ? 1 : 2};
            snprintf(quota.folder, sizeof quota.folder, "%s/tp-test-%d", roots[version], (int)getpid());
            if (mkdir(quota.folder, 0755) != 0) continue;
            struct child child = child_run(counts_under_a_quota, &quota);
            rmdir(quota.folder);
            if (child.code != 0 && child.code != CANNOT) fail_msg("signal %d: %s", child.signal, child.text);
            tried = tried || child.code == 0;
        }
    }
    if (!tried) skip();
}

struct affinity {
    cpu_set_t hook;
    cpu_set_t task;
};

static void reads_affinity_in_a_hook(void *arg, uint32_t worker) {
    if (worker != 0) return;
    must(sched_getaffinity(0, sizeof(cpu_set_t), &((struct affinity *)arg)->hook) == 0);
}

static void reads_affinity(void *arg) {
    must(sched_getaffinity(0, sizeof(cpu_set_t), &((struct affinity *)arg)->task) == 0);
}

static void workers_keep_to_the_cpus_of_the_list(void **state) {
    (void)state;
    cpu_set_t wanted;
    cpu_set_t before;
    cpu_set_t after;
    struct affinity affinity;
    uint32_t cpus[] = {first_cpu()};
    CPU_ZERO(&wanted);
    CPU_SET(cpus[0], &wanted);
    sched_getaffinity(0, sizeof before, &before);
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.cpus = cpus;
    options.cpus_len = 1;
    options.on_start = reads_affinity_in_a_hook;
    options.hook_ctx = &affinity;
    tp_pool *pool = pool_with(options);
    cpus[0] = 77777;
    run_inside(pool, reads_affinity, &affinity);
    assert_true(CPU_EQUAL(&affinity.hook, &wanted));
    assert_true(CPU_EQUAL(&affinity.task, &wanted));
    sched_getaffinity(0, sizeof after, &after);
    assert_true(CPU_EQUAL(&before, &after));
    assert_status(tp_destroy(pool), TP_OK);
}

struct affinities {
    cpu_set_t wanted;
    struct gate gate;
};

static void has_the_affinity_that_is_wanted(void *arg) {
    struct affinities *affinities = (struct affinities *)arg;
    cpu_set_t set;
    must(sched_getaffinity(0, sizeof set, &set) == 0);
    must(CPU_EQUAL(&set, &affinities->wanted));
    stand(&affinities->gate);
}

static void workers_that_a_resize_adds_keep_to_the_list_too(void **state) {
    (void)state;
    struct affinities affinities = {.gate = GATE_INIT};
    uint32_t cpu = first_cpu();
    CPU_ZERO(&affinities.wanted);
    CPU_SET(cpu, &affinities.wanted);
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.cpus = &cpu;
    options.cpus_len = 1;
    tp_pool *pool = pool_with(options);
    cpu = 77777;
    assert_status(tp_resize(pool, 3), TP_OK);
    for (int i = 0; i < 3; i++) assert_status(tp_submit(pool, has_the_affinity_that_is_wanted, &affinities), TP_OK);
    assert_true(tally_reaches(&affinities.gate.entered, 3));
    gate_open(&affinities.gate);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_cpu_that_is_not_there_is_invalid(void **state) {
    (void)state;
    const uint32_t missing[] = {(uint32_t)sysconf(_SC_NPROCESSORS_CONF), 1023, 1024, 77777, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        uint32_t cpus[] = {first_cpu(), missing[i]};
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1;
        options.cpus = cpus;
        options.cpus_len = 2;
        assert_invalid(&options);
        options.cpus = cpus + 1;
        options.cpus_len = 1;
        assert_invalid(&options);
    }
}

// ---- struct_size -------------------------------------------------------------------------------------------

struct larger {
    tp_options options;
    unsigned char tail[40];
};

static void options_shorter_than_the_first_version_are_invalid(void **state) {
    (void)state;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    const size_t sizes[] = {0, 1, sizeof options.struct_size, 16, sizeof options - 8, sizeof options - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.struct_size = sizes[i];
        assert_invalid(&options);
    }
}

static void a_size_that_is_garbage_is_invalid(void **state) {
    (void)state;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.struct_size = SIZE_MAX;
    assert_invalid(&options);
    options.struct_size = (size_t)UINT32_MAX + 1;
    assert_invalid(&options);
}

static void options_of_a_later_version_are_taken_if_what_is_new_is_zero(void **state) {
    (void)state;
    struct larger larger = {.options = TP_OPTIONS_INIT};
    memset(larger.tail, 0, sizeof larger.tail);
    larger.options.threads = 1;
    larger.options.struct_size = sizeof larger;
    assert_accepted(&larger.options);
    larger.options.struct_size = sizeof larger.options + 1;
    assert_accepted(&larger.options);
}

static void options_of_a_later_version_are_invalid_if_what_is_new_is_not_zero(void **state) {
    (void)state;
    struct larger larger = {.options = TP_OPTIONS_INIT};
    larger.options.threads = 1;
    larger.options.struct_size = sizeof larger;
    for (size_t i = 0; i < sizeof larger.tail; i++) {
        memset(larger.tail, 0, sizeof larger.tail);
        larger.tail[i] = 0x80;
        assert_invalid(&larger.options);
    }
}

// Memory whose last `size` bytes are followed by a page that nobody may read.
static unsigned char *before_a_fence(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages =
        (unsigned char *)mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(pages != MAP_FAILED);
    must(mprotect(pages + page, page, PROT_NONE) == 0);
    return pages + page - size;
}

static void release_fence(unsigned char *bytes, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    must(munmap(bytes + size - page, 2 * page) == 0);
}

static void nothing_is_read_or_written_past_the_size(void **state) {
    (void)state;
    tp_options *options = (tp_options *)(void *)before_a_fence(sizeof *options);
    assert_status(tp_options_init(options, sizeof *options), TP_OK);
    options->threads = 1;
    assert_accepted(options);
    release_fence((unsigned char *)options, sizeof *options);
    tp_task_options *task_options = (tp_task_options *)(void *)before_a_fence(sizeof *task_options);
    assert_status(tp_task_options_init(task_options, sizeof *task_options), TP_OK);
    tp_pool *pool = pool_of(1);
    assert_status(tp_submit_with(pool, nothing, NULL, task_options), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    release_fence((unsigned char *)task_options, sizeof *task_options);
}

static void an_init_fills_as_many_bytes_as_it_is_told(void **state) {
    (void)state;
    _Alignas(16) unsigned char bytes[5000];
    const size_t sizes[] = {sizeof(tp_options), sizeof(tp_options) + 1, 200, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        tp_options wanted = TP_OPTIONS_INIT;
        wanted.struct_size = sizes[i];
        memset(bytes, 0x5a, sizeof bytes);
        assert_status(tp_options_init((tp_options *)(void *)bytes, sizes[i]), TP_OK);
        assert_memory_equal(bytes, &wanted, sizeof wanted);
        for (size_t at = sizeof wanted; at < sizeof bytes; at++) assert_int_equal(bytes[at], at < sizes[i] ? 0 : 0x5a);
    }
}

static void an_init_of_task_options_does_so_too(void **state) {
    (void)state;
    _Alignas(16) unsigned char bytes[5000];
    const size_t sizes[] = {sizeof(tp_task_options), sizeof(tp_task_options) + 1, 200, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        tp_task_options wanted = TP_TASK_OPTIONS_INIT;
        wanted.struct_size = sizes[i];
        memset(bytes, 0x5a, sizeof bytes);
        assert_status(tp_task_options_init((tp_task_options *)(void *)bytes, sizes[i]), TP_OK);
        assert_memory_equal(bytes, &wanted, sizeof wanted);
        for (size_t at = sizeof wanted; at < sizeof bytes; at++) assert_int_equal(bytes[at], at < sizes[i] ? 0 : 0x5a);
    }
}

// ---- Stack -------------------------------------------------------------------------------------------------

static void a_stack_that_is_too_small_for_the_system_is_invalid(void **state) {
    (void)state;
    const size_t sizes[] = {1, 1024, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1;
        options.stack_size = sizes[i];
        assert_invalid(&options);
    }
}

static void a_stack_that_no_memory_holds_is_refused_without_a_trace(void **state) {
    (void)state;
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4095, (size_t)1 << 62};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1;
        options.stack_size = sizes[i];
        tp_pool *pool = (tp_pool *)&options;
        tp_status status = tp_create(&options, &pool);
        assert_true(status == TP_EINVAL || status == TP_EAGAIN || status == TP_ENOMEM);
        assert_null(pool);
        assert_soon(threads_now() == 1);
    }
}

static void reads_the_size_of_its_stack(void *size) {
    pthread_attr_t attributes;
    void *base = NULL;
    must(pthread_getattr_np(pthread_self(), &attributes) == 0);
    must(pthread_attr_getstack(&attributes, &base, (size_t *)size) == 0);
    must(pthread_attr_destroy(&attributes) == 0);
}

static void a_worker_has_the_stack_that_was_asked_for(void **state) {
    (void)state;
    const size_t sizes[] = {256 << 10, 300001, 1 << 20, 64 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = 0;
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1;
        options.stack_size = sizes[i];
        tp_pool *pool = pool_with(options);
        run_inside(pool, reads_the_size_of_its_stack, &size);
        assert_in_range(size, sizes[i] - (32 << 10), sizes[i] + (256 << 10));
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void writes_to_48_mib_of_stack(void *unused) {
    (void)unused;
    volatile char bytes[48 << 20];
    for (size_t i = 0; i < sizeof bytes; i += 4096) bytes[i] = 1;
}

static void a_large_stack_can_be_used(void **state) {
    (void)state;
    if (RUNNING_ON_VALGRIND) skip();
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.stack_size = 64 << 20;
    tp_pool *pool = pool_with(options);
    run_inside(pool, writes_to_48_mib_of_stack, NULL);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Name --------------------------------------------------------------------------------------------------

struct names {
    struct gate gate;
    _Atomic uint32_t wrong;
    const char *base;
};

static void is_called_by_its_index(void *arg) {
    struct names *names = (struct names *)arg;
    char index[16];
    char wanted[64];
    char got[32] = "";
    snprintf(index, sizeof index, "-%d", (int)tp_worker_index());
    snprintf(wanted, sizeof wanted, "%.*s%s", 15 - (int)strlen(index), names->base, index);
    pthread_getname_np(pthread_self(), got, sizeof got);
    if (strcmp(got, wanted) != 0) {
        print_error("called \"%s\", not \"%s\"\n", got, wanted);
        atomic_fetch_add(&names->wrong, 1);
    }
    stand(&names->gate);
}

static void assert_names(tp_pool *pool, const char *base, int workers) {
    struct names names = {.gate = GATE_INIT, .base = base};
    for (int i = 0; i < workers; i++) assert_status(tp_submit(pool, is_called_by_its_index, &names), TP_OK);
    assert_true(tally_reaches(&names.gate.entered, (uint64_t)workers));
    gate_open(&names.gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(names.wrong, 0);
}

static void a_worker_is_called_by_the_name_and_its_index(void **state) {
    (void)state;
    char name[] = "cruncher";
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 2;
    options.name = name;
    tp_pool *pool = pool_with(options);
    memset(name, 'x', sizeof name - 1);
    assert_names(pool, "cruncher", 2);
    assert_status(tp_resize(pool, 12), TP_OK);
    assert_names(pool, "cruncher", 12);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_worker_without_a_name_is_called_tp(void **state) {
    (void)state;
    tp_pool *pool = pool_of(3);
    assert_names(pool, "tp", 3);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_long_name_gives_way_to_the_index(void **state) {
    (void)state;
    const char *names[] = {"fourteen-bytes", "fifteen-bytes-!", "a-name-that-no-thread-can-have"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1;
        options.name = names[i];
        tp_pool *pool = pool_with(options);
        assert_names(pool, names[i], 1);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static size_t threads_called(const char *name) {
    size_t found = 0;
    DIR *tasks = opendir("/proc/self/task");
    must(tasks != NULL);
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        char path[300];
        char text[32];
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        read_small(path, text, sizeof text);
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, name) == 0) found++;
    }
    closedir(tasks);
    return found;
}

static void the_system_knows_a_worker_by_its_name(void **state) {
    (void)state;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 2;
    options.name = "visible";
    tp_pool *pool = pool_with(options);
    assert_soon(threads_called("visible-0") == 1);
    assert_soon(threads_called("visible-1") == 1);
    assert_int_equal(threads_called("visible-2"), 0);
    assert_status(tp_destroy(pool), TP_OK);
    assert_soon(threads_called("visible-0") == 0);
}

// ---- Hooks -------------------------------------------------------------------------------------------------

enum { HOOKED = 8 };

struct hooked {
    _Atomic uint32_t starts[HOOKED];
    _Atomic uint32_t stops[HOOKED];
    pthread_t threads[HOOKED];
    _Atomic uint32_t ran;
    struct gate gate;
};

static void starts(void *ctx, uint32_t worker) {
    struct hooked *hooked = (struct hooked *)ctx;
    must(worker < HOOKED);
    must(tp_worker_index() == (int32_t)worker);
    must(tp_current() != NULL);
    must(atomic_fetch_add(&hooked->starts[worker], 1) == 0);
    hooked->threads[worker] = pthread_self();
}

static void runs_between(void *arg) {
    struct hooked *hooked = (struct hooked *)arg;
    int32_t worker = tp_worker_index();
    must(worker >= 0 && worker < HOOKED);
    must(hooked->starts[worker] == 1);
    must(hooked->stops[worker] == 0);
    must(pthread_equal(hooked->threads[worker], pthread_self()));
    atomic_fetch_add(&hooked->ran, 1);
}

static void runs_between_and_stands(void *arg) {
    runs_between(arg);
    stand(&((struct hooked *)arg)->gate);
}

static void stops(void *ctx, uint32_t worker) {
    struct hooked *hooked = (struct hooked *)ctx;
    must(worker < HOOKED);
    must(tp_worker_index() == (int32_t)worker);
    must(tp_current() != NULL);
    must(hooked->starts[worker] == 1);
    must(pthread_equal(hooked->threads[worker], pthread_self()));
    must(atomic_fetch_add(&hooked->stops[worker], 1) == 0);
}

static tp_pool *hooked_pool(struct hooked *hooked, uint32_t threads) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = threads;
    options.on_start = starts;
    options.on_stop = stops;
    options.hook_ctx = hooked;
    return pool_with(options);
}

static void hooks_run_once_on_each_worker_before_its_first_task_and_after_its_last(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
        struct hooked hooked = {.gate = GATE_INIT};
        tp_pool *pool = hooked_pool(&hooked, 4);
        for (int i = 0; i < 4; i++) assert_status(tp_submit(pool, runs_between_and_stands, &hooked), TP_OK);
        for (int i = 0; i < 100; i++) assert_status(tp_submit(pool, runs_between, &hooked), TP_OK);
        assert_true(tally_reaches(&hooked.gate.entered, 4));
        gate_open(&hooked.gate);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(hooked.ran, 104);
        for (int i = 0; i < HOOKED; i++) {
            assert_int_equal(hooked.starts[i], i < 4);
            assert_int_equal(hooked.stops[i], i < 4);
        }
    }
}

static void hooks_run_on_workers_that_never_have_a_task(void **state) {
    (void)state;
    struct hooked hooked = {.gate = GATE_INIT};
    tp_pool *pool = hooked_pool(&hooked, 4);
    assert_status(tp_destroy(pool), TP_OK);
    for (int i = 0; i < HOOKED; i++) {
        assert_int_equal(hooked.starts[i], i < 4);
        assert_int_equal(hooked.stops[i], i < 4);
    }
}

static void a_shutdown_returns_after_the_last_hook(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        struct hooked hooked = {.gate = GATE_INIT};
        tp_pool *pool = hooked_pool(&hooked, 4);
        assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
        for (int at = 0; at < 4; at++) assert_int_equal(hooked.stops[at], 1);
        assert_status(tp_destroy(pool), TP_OK);
        for (int at = 0; at < 4; at++) assert_int_equal(hooked.stops[at], 1);
    }
}

static void hooks_run_on_workers_that_a_resize_adds_and_takes_away(void **state) {
    (void)state;
    struct hooked hooked = {.gate = GATE_INIT};
    tp_pool *pool = hooked_pool(&hooked, 2);
    assert_status(tp_resize(pool, 5), TP_OK);
    for (int i = 0; i < 5; i++) assert_status(tp_submit(pool, runs_between_and_stands, &hooked), TP_OK);
    assert_true(tally_reaches(&hooked.gate.entered, 5));
    gate_open(&hooked.gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    for (int i = 0; i < HOOKED; i++) assert_int_equal(hooked.starts[i], i < 5);
    assert_status(tp_resize(pool, 1), TP_OK);
    for (int i = 1; i < 5; i++) assert_soon(hooked.stops[i] == 1);
    assert_int_equal(hooked.stops[0], 0);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(hooked.stops[0], 1);
}

// Tasks that hooks submitted: those that were accepted, and those that ran.
struct offers {
    _Atomic uint32_t hooks;
    _Atomic uint32_t accepted;
    struct tally ran;
};

static void submits_in_a_hook(void *ctx, uint32_t worker) {
    (void)worker;
    struct offers *offers = (struct offers *)ctx;
    tp_status status = tp_submit(tp_current(), count, &offers->ran);
    must(status == TP_OK || status == TP_ESHUTDOWN);
    if (status == TP_OK) atomic_fetch_add(&offers->accepted, 1);
    atomic_fetch_add(&offers->hooks, 1);
}

static void a_hook_at_the_start_may_submit(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 200, 2000); round++) {
        struct offers offers = {.ran = TALLY_INIT};
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 3;
        options.on_start = submits_in_a_hook;
        options.hook_ctx = &offers;
        tp_pool *pool = pool_with(options);
        assert_true(tally_reaches(&offers.ran, 3));
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(offers.accepted, 3);
        assert_int_equal(tally_now(&offers.ran), 3);
    }
}

static void so_it_may_while_its_pool_is_already_being_destroyed(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 200, 2000); round++) {
        struct offers offers = {.ran = TALLY_INIT};
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1 + (uint32_t)(round % 3);
        options.on_start = submits_in_a_hook;
        options.hook_ctx = &offers;
        tp_pool *pool = pool_with(options);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(offers.hooks, options.threads);
        assert_int_equal(offers.accepted, options.threads);
        assert_int_equal(tally_now(&offers.ran), options.threads);
    }
}

static void stands_in_a_hook(void *gate, uint32_t worker) {
    (void)worker;
    stand(gate);
}

static void a_wait_is_for_hooks_at_the_start_too(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 2;
    options.on_start = stands_in_a_hook;
    options.hook_ctx = &gate;
    tp_pool *pool = pool_with(options);
    assert_status(tp_wait(pool, 0), TP_ETIMEDOUT);
    assert_true(tally_reaches(&gate.entered, 2));
    assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&gate.left), 2);
    assert_status(tp_destroy(pool), TP_OK);
}

static void what_a_hook_at_the_stop_submits_is_refused_or_runs(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 200, 2000); round++) {
        struct offers offers = {.ran = TALLY_INIT};
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 3;
        options.on_stop = submits_in_a_hook;
        options.hook_ctx = &offers;
        tp_pool *pool = pool_with(options);
        assert_status(tp_resize(pool, 1), TP_OK);
        assert_soon(offers.hooks == 2);
        assert_int_equal(offers.accepted, 2);
        assert_true(tally_reaches(&offers.ran, 2));
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(offers.hooks, 3);
        assert_int_equal(tally_now(&offers.ran), offers.accepted);
    }
}

// ---- The other fields --------------------------------------------------------------------------------------

static void no_options_at_all_mean_the_defaults(void **state) {
    (void)state;
    tp_pool *pool = NULL;
    struct tally ran = TALLY_INIT;
    assert_status(tp_create(NULL, &pool), TP_OK);
    assert_in_range(tp_thread_count(pool), 1, 4096);
    run_inside(pool, count, &ran);
    assert_int_equal(tally_now(&ran), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void an_unknown_answer_to_a_full_queue_is_invalid(void **state) {
    (void)state;
    const int32_t unknown[] = {-1, 4, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1;
        options.when_full = unknown[i];
        assert_invalid(&options);
        options.capacity = 1;
        assert_invalid(&options);
    }
}

static void every_known_answer_is_taken_with_any_capacity(void **state) {
    (void)state;
    const uint64_t capacities[] = {0, 1, 1000, UINT64_MAX};
    for (int32_t when_full = TP_FULL_BLOCK; when_full <= TP_FULL_DROP_OLDEST; when_full++) {
        for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
            tp_options options = TP_OPTIONS_INIT;
            options.threads = 1;
            options.capacity = capacities[i];
            options.when_full = when_full;
            assert_accepted(&options);
        }
    }
}

static void a_reserved_field_that_is_not_zero_is_invalid(void **state) {
    (void)state;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.reserved = 1;
    assert_invalid(&options);
    options.reserved = 0x80000000;
    assert_invalid(&options);
}

static void reserve_workers_are_4096_at_most_or_none(void **state) {
    (void)state;
    const uint32_t fit[] = {0, 1, 256, 4096, TP_NO_RESERVE};
    const uint32_t unfit[] = {4097, 1000000, TP_NO_RESERVE - 1};
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    for (size_t i = 0; i < sizeof fit / sizeof fit[0]; i++) {
        options.max_reserve = fit[i];
        assert_accepted(&options);
    }
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        options.max_reserve = unfit[i];
        assert_invalid(&options);
    }
}

static void a_refused_create_without_a_place_for_the_pool_is_invalid(void **state) {
    (void)state;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    assert_status(tp_create(&options, NULL), TP_EINVAL);
}

// ---- Task options ------------------------------------------------------------------------------------------

struct larger_task {
    tp_task_options options;
    unsigned char tail[24];
};

static void task_options_of_a_wrong_size_are_invalid(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    const size_t sizes[] = {0, 1, sizeof options - 8, sizeof options - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.struct_size = sizes[i];
        assert_status(tp_submit_with(pool, nothing, NULL, &options), TP_EINVAL);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void task_options_of_a_later_version_are_taken_if_what_is_new_is_zero(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    struct larger_task larger = {.options = TP_TASK_OPTIONS_INIT};
    larger.options.struct_size = sizeof larger;
    memset(larger.tail, 0, sizeof larger.tail);
    assert_status(tp_submit_with(pool, count, &ran, &larger.options), TP_OK);
    for (size_t i = 0; i < sizeof larger.tail; i++) {
        memset(larger.tail, 0, sizeof larger.tail);
        larger.tail[i] = 1;
        assert_status(tp_submit_with(pool, count, &ran, &larger.options), TP_EINVAL);
    }
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_number_that_is_no_priority_is_invalid(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    const int32_t numbers[] = {2, -2, INT32_MAX, INT32_MIN};
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        options.priority = numbers[i];
        assert_status(tp_submit_with(pool, nothing, NULL, &options), TP_EINVAL);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void task_options_may_go_once_the_submit_has_returned(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    for (int i = 0; i < 100; i++) {
        char *name = strdup("a task with a name of more than thirty-one bytes, so that it is cut");
        tp_task_options *options = (tp_task_options *)malloc(sizeof *options);
        assert_non_null(options);
        assert_status(tp_task_options_init(options, sizeof *options), TP_OK);
        options->name = name;
        assert_status(tp_submit_with(pool, count, &ran, options), TP_OK);
        memset(name, 'x', strlen(name));
        memset(options, 0x5a, sizeof *options);
        free(name);
        free(options);
    }
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 100);
    assert_status(tp_destroy(pool), TP_OK);
}

static void no_task_options_at_all_mean_the_defaults(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    assert_status(tp_submit_with(pool, count, &ran, NULL), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_has_as_many_threads_as_were_asked_for),
        cmocka_unit_test(a_pool_of_4096_threads_is_had_or_refused_without_a_trace),
        cmocka_unit_test(more_than_4096_threads_are_invalid),
        cmocka_unit_test(the_environment_gives_the_number_where_the_options_do_not),
        cmocka_unit_test(an_environment_that_gives_no_such_number_is_ignored),
        cmocka_unit_test(the_default_number_is_no_more_than_the_cpus_that_there_are),
        cmocka_unit_test(a_thread_that_is_kept_to_one_cpu_makes_a_pool_of_one),
        cmocka_unit_test(a_list_of_one_cpu_makes_a_pool_of_one),
        cmocka_unit_test(a_quota_of_the_control_group_is_rounded_up),
        cmocka_unit_test(workers_keep_to_the_cpus_of_the_list),
        cmocka_unit_test(workers_that_a_resize_adds_keep_to_the_list_too),
        cmocka_unit_test(a_cpu_that_is_not_there_is_invalid),
        cmocka_unit_test(options_shorter_than_the_first_version_are_invalid),
        cmocka_unit_test(a_size_that_is_garbage_is_invalid),
        cmocka_unit_test(options_of_a_later_version_are_taken_if_what_is_new_is_zero),
        cmocka_unit_test(options_of_a_later_version_are_invalid_if_what_is_new_is_not_zero),
        cmocka_unit_test(nothing_is_read_or_written_past_the_size),
        cmocka_unit_test(an_init_fills_as_many_bytes_as_it_is_told),
        cmocka_unit_test(an_init_of_task_options_does_so_too),
        cmocka_unit_test(a_stack_that_is_too_small_for_the_system_is_invalid),
        cmocka_unit_test(a_stack_that_no_memory_holds_is_refused_without_a_trace),
        cmocka_unit_test(a_worker_has_the_stack_that_was_asked_for),
        cmocka_unit_test(a_large_stack_can_be_used),
        cmocka_unit_test(a_worker_is_called_by_the_name_and_its_index),
        cmocka_unit_test(a_worker_without_a_name_is_called_tp),
        cmocka_unit_test(a_long_name_gives_way_to_the_index),
        cmocka_unit_test(the_system_knows_a_worker_by_its_name),
        cmocka_unit_test(hooks_run_once_on_each_worker_before_its_first_task_and_after_its_last),
        cmocka_unit_test(hooks_run_on_workers_that_never_have_a_task),
        cmocka_unit_test(a_shutdown_returns_after_the_last_hook),
        cmocka_unit_test(hooks_run_on_workers_that_a_resize_adds_and_takes_away),
        cmocka_unit_test(a_hook_at_the_start_may_submit),
        cmocka_unit_test(so_it_may_while_its_pool_is_already_being_destroyed),
        cmocka_unit_test(a_wait_is_for_hooks_at_the_start_too),
        cmocka_unit_test(what_a_hook_at_the_stop_submits_is_refused_or_runs),
        cmocka_unit_test(no_options_at_all_mean_the_defaults),
        cmocka_unit_test(an_unknown_answer_to_a_full_queue_is_invalid),
        cmocka_unit_test(every_known_answer_is_taken_with_any_capacity),
        cmocka_unit_test(a_reserved_field_that_is_not_zero_is_invalid),
        cmocka_unit_test(reserve_workers_are_4096_at_most_or_none),
        cmocka_unit_test(a_refused_create_without_a_place_for_the_pool_is_invalid),
        cmocka_unit_test(task_options_of_a_wrong_size_are_invalid),
        cmocka_unit_test(task_options_of_a_later_version_are_taken_if_what_is_new_is_zero),
        cmocka_unit_test(a_number_that_is_no_priority_is_invalid),
        cmocka_unit_test(task_options_may_go_once_the_submit_has_returned),
        cmocka_unit_test(no_task_options_at_all_mean_the_defaults),
    };
    return run_file(tests);
}
