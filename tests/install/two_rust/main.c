// Two Rust libraries in one program, in use at the same time.

#include <stdatomic.h>
#include <stdint.h>
#include <tp.h>

uint32_t other_answer(void);

static atomic_uint sum;

static void ask(void *unused) {
    (void)unused;
    atomic_fetch_add(&sum, other_answer());
}

int main(void) {
    tp_pool *pool = tp_default();
    for (int i = 0; i < 100; i++) {
        if (tp_submit(pool, ask, NULL) != TP_OK) return 1;
    }
    if (other_answer() != 42 || tp_wait(pool, TP_FOREVER) != TP_OK) return 2;
    return atomic_load(&sum) == 4200 ? 0 : 3;
}
