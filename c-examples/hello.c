#include <stdio.h>
#include <tp.h>

static void greet(void *name) { printf("hello, %s\n", (const char *)name); }

int main(void) {
    tp_pool *pool = tp_default();
    tp_status status = tp_submit(pool, greet, "world");
    if (status == TP_OK) status = tp_wait(pool, TP_FOREVER);
    return status == TP_OK ? 0 : 1;
}
