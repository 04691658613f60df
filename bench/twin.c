#include "twin.h"

int32_t twin_invoke(struct twin *pool, void (*a)(void *), void *arg_a, void (*b)(void *), void *arg_b) {
    if (!pool || !a || !b) return -1;
    a(arg_a);
    b(arg_b);
    return 0;
}
