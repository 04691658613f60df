// The Fibonacci number of tp and of its twin, which makes the two calls and nothing else: one text, so that only the
// library differs. Who includes this has INVOKE(a, arg_a, b, arg_b).
struct fib {
    unsigned n;
    unsigned long value;
};

static void fib(void *arg) {
    struct fib *call = arg;
    if (call->n < 2) {
        call->value = call->n;
        return;
    }
    struct fib one = {call->n - 1, 0}, two = {call->n - 2, 0};
    INVOKE(fib, &one, fib, &two);
    call->value = one.value + two.value;
}
