// faults: each failure that can be made to happen in each function of tp.h, and a table of how many these were.
//
// usage: faults [allocations|threads|calls|forks|storm]; TP_TEST_ONLY is a pattern of functions. TP_TEST_SCALE=full
// makes them all; otherwise system calls fail with one error each, and of many fork points some are left out.

#include "faults.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <sys/mman.h>

static const struct scenarios *const all[] = {&pool_scenarios,  &submit_scenarios,   &future_scenarios,
                                              &group_scenarios, &parallel_scenarios, &inside_scenarios};
enum { PARTS = sizeof all / sizeof *all, MOST_FUNCTIONS = 100, NAME_SIZE = 64, ERRORS = 3 };

static const int errors[ERRORS] = {ENOSYS, EPERM, EINVAL};
static const char *const kind_names[KINDS] = {"allocations", "threads", "calls", "forks"};

// A function of tp.h and what was made to happen in it.
struct row {
    char function[NAME_SIZE];
    bool has_scenario;
    uint64_t faults[KINDS];
};

static struct row rows[MOST_FUNCTIONS];
static size_t rows_len;
static struct outcome *outcome;
static const char *only_kind;
static uint64_t runs_made;

// ---- The functions of tp.h ---------------------------------------------------------------------------------

// A declaration begins at the start of a line, with its type; whatever else does so has no `(` behind a name.
static void read_declaration(const char *line) {
    const char *end = strchr(line, '(');
    if (end == NULL || line[0] == '/' || line[0] == '#' || line[0] == ' ' || strncmp(line, "typedef", 7) == 0) return;
    const char *name = end;
    while (name > line && (name[-1] == '_' || (name[-1] >= 'a' && name[-1] <= 'z'))) name--;
    size_t length = (size_t)(end - name);
    if (strncmp(name, "tp_", 3) != 0 || length >= NAME_SIZE) return;
    must(rows_len < MOST_FUNCTIONS);
    memcpy(rows[rows_len++].function, name, length);
}

static void read_header(void) {
    char line[400];
    FILE *file = fopen(TP_HEADER, "r");
    must(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) read_declaration(line);
    fclose(file);
}

static struct row *row_of(const char *function) {
    for (size_t i = 0; i < rows_len; i++) {
        if (strcmp(rows[i].function, function) == 0) return &rows[i];
    }
    fprintf(stderr, "%s is not in %s\n", function, TP_HEADER);
    abort();
}

// ---- Faults ------------------------------------------------------------------------------------------------

static bool has_filters;

static bool wants(enum kind kind) { return only_kind == NULL || strcmp(only_kind, kind_names[kind]) == 0; }

static void add(const struct scenario *scenario, enum kind kind) { row_of(scenario->function)->faults[kind]++; }

// True if it came to the fault.
static bool make(const struct scenario *scenario, bool inside, struct fault fault) {
    runs_made++;
    return run_fault(scenario, inside, &fault, outcome) && outcome->failures > 0;
}

// Each point until there is none of that number; one that belongs to another thread may be missing once.
static void make_each(const struct scenario *scenario, bool inside, enum kind kind, bool for_good) {
    int missing = 0;
    for (uint64_t at = 1; missing < 2 && !has_failed_enough(); at++) {
        bool made = make(scenario, inside, (struct fault){.kind = kind, .at = at, .for_good = for_good});
        if (made && !for_good) add(scenario, kind);
        missing = made ? 0 : missing + 1;
        // Those of threads that wait are many.
        if (kind == FORKS) at += is_full() ? at / 50 : at / 3;
    }
}

// Where the call is not made the full form has it fail all the same: it may be one that is made now and then.
static void refuse_call(const struct scenario *scenario, bool inside, const struct system_call *call, bool from_start) {
    struct fault fault = {.kind = SYSTEM_CALLS, .call = call, .from_start = from_start};
    static size_t turn;
    bool is_made = make(scenario, inside, fault);
    for (size_t i = 0; i < (is_full() ? ERRORS : is_made ? 1 : 0); i++) {
        fault.error = errors[turn++ % ERRORS];
        (void)make(scenario, inside, fault);
        if (is_made) add(scenario, SYSTEM_CALLS);
    }
}

static void refuse_calls(const struct scenario *scenario, bool inside) {
    for (size_t i = 0; i < system_calls_len && !has_failed_enough(); i++) {
        // What comes before the call is the same in most of them.
        if (is_full() || (scenario->flags & IS_FIRST) != 0) refuse_call(scenario, inside, &system_calls[i], true);
        refuse_call(scenario, inside, &system_calls[i], false);
    }
}

static void make_all(const struct scenario *scenario, bool inside) {
    if (wants(ALLOCATIONS)) make_each(scenario, inside, ALLOCATIONS, false);
    if (wants(ALLOCATIONS)) make_each(scenario, inside, ALLOCATIONS, true);
    if (wants(THREADS)) make_each(scenario, inside, THREADS, false);
    if (wants(THREADS)) make_each(scenario, inside, THREADS, true);
    if (wants(SYSTEM_CALLS) && has_filters) refuse_calls(scenario, inside);
    if (!wants(FORKS)) return;
    if (make(scenario, inside, (struct fault){.kind = FORKS, .at = AT_BEGIN})) add(scenario, FORKS);
    if (make(scenario, inside, (struct fault){.kind = FORKS, .at = AT_END})) add(scenario, FORKS);
    if (make(scenario, inside, (struct fault){.kind = FORKS, .at = AT_CALLBACK})) add(scenario, FORKS);
    make_each(scenario, inside, FORKS, false);
}

static void find_scenarios(void) {
    for (size_t part = 0; part < PARTS; part++) {
        for (size_t i = 0; i < all[part]->len; i++) row_of(all[part]->first[i].function)->has_scenario = true;
    }
}

static void play_all(void) {
    const char *only = getenv("TP_TEST_ONLY");
    for (size_t part = 0; part < PARTS; part++) {
        for (size_t i = 0; i < all[part]->len && !has_failed_enough(); i++) {
            const struct scenario *scenario = &all[part]->first[i];
            if (only != NULL && fnmatch(only, scenario->function, 0) != 0) continue;
            if ((scenario->flags & OUTSIDE) != 0) make_all(scenario, false);
            if ((scenario->flags & INSIDE) != 0) make_all(scenario, true);
        }
    }
}

// ---- The table ---------------------------------------------------------------------------------------------

static void print_line(const char *name, const uint64_t *faults) {
    printf("| %-24s | %17" PRIu64 " | %15" PRIu64 " | %20" PRIu64 " | %11" PRIu64 " |\n", name, faults[ALLOCATIONS],
           faults[THREADS], faults[SYSTEM_CALLS], faults[FORKS]);
}

static bool print_table(void) {
    uint64_t sum[KINDS] = {0};
    bool complete = true;
    printf("| function                 | allocation points | thread failures | system-call failures | fork points |\n"
           "| ------------------------ | ----------------: | --------------: | -------------------: | ----------: |\n");
    for (size_t i = 0; i < rows_len; i++) {
        print_line(rows[i].function, rows[i].faults);
        for (int kind = 0; kind < KINDS; kind++) sum[kind] += rows[i].faults[kind];
        if (!rows[i].has_scenario) printf("%s has no scenario\n", rows[i].function);
        complete = complete && rows[i].has_scenario;
    }
    print_line("all", sum);
    return complete;
}

int main(int argc, char **argv) {
    // Its allocator is not valgrind's, and what it does to threads and system calls is done to valgrind too.
    if (RUNNING_ON_VALGRIND) return 0;
    if (argc > 1) only_kind = argv[1];
    outcome = mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(outcome != MAP_FAILED);
    points_open();
    read_header();
    find_scenarios();
    has_filters = filters_are_there();
    if (!has_filters) printf("no system call is refused: the system takes no filter\n");
    play_all();
    bool complete = print_table();
    printf("%" PRIu64 " children\n", runs_made);
    bool survived = (only_kind != NULL && strcmp(only_kind, "storm") != 0) || storm(has_filters);
    return complete && survived && !has_failed() ? 0 : 1;
}
