// One round of one workload for the peer that this program is linked with. Prints "METRIC VALUE UNIT" lines, or "skip"
// and a reason.
//
// usage: bench-PEER WORKLOAD WORKERS SIZE
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct workload *const workloads[] = {
    &outside_1,    &outside_4, &tree,          &one_parent, &chain,          &wake_up,         &wake_up_beside,
    &ping_pong,    &mixed,     &metg,          &timer,      &idle,           &outside_crowded, &tree_crowded,
    &outside_busy, &pending,   &create,        &futures,    &futures_inside, &group,           &group_inside,
    &fork_each,    &fork_long, &queens,        &matrix,     &strassens,      &quicksort,       &uts_t1,
    &uts_t3,       &triangle,  &triangle_auto, &saxpy,      &loop_launch,    &loop_1,          &loop_16,
    &loop_256,     &loop_auto, &gang,          &sort_i32,   &sort_compare,   &sort_record,     &sort_string,
};

void report(const char *metric, double value, const char *unit) { printf("%s %.9g %s\n", metric, value, unit); }

int main(int argc, char **argv) {
    if (argc == 4) {
        unsigned workers = (unsigned)strtoul(argv[2], NULL, 10);
        unsigned long size = strtoul(argv[3], NULL, 10);
        for (size_t i = 0; workers && size && i < sizeof workloads / sizeof *workloads; i++) {
            const struct workload *workload = workloads[i];
            if (strcmp(workload->name, argv[1]) != 0) continue;
            const char *why = peer_lacks(workload->needs, workers * workload->crowd);
            if (why) printf("skip %s\n", why);
            else workload->run(workers * workload->crowd, size);
            return 0;
        }
    }
    fprintf(stderr, "usage: %s WORKLOAD WORKERS SIZE\nworkloads:", argv[0]);
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) fprintf(stderr, " %s", workloads[i]->name);
    fprintf(stderr, "\n");
    return 2;
}
