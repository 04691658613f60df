// layout: what a binding to another language takes as given. A change here is a change of the library's soname.

#include "support.h"

#define HAS(type, field, at, bytes)                                                                                    \
    _Static_assert(offsetof(type, field) == (at) && sizeof(((type *)0)->field) == (bytes), #type "." #field)

#if defined(__LP64__)
_Static_assert(sizeof(tp_options) == 88 && _Alignof(tp_options) == 8, "tp_options");
HAS(tp_options, struct_size, 0, 8);
HAS(tp_options, threads, 8, 4);
HAS(tp_options, max_reserve, 12, 4);
HAS(tp_options, name, 16, 8);
HAS(tp_options, stack_size, 24, 8);
HAS(tp_options, cpus, 32, 8);
HAS(tp_options, cpus_len, 40, 8);
HAS(tp_options, on_start, 48, 8);
HAS(tp_options, on_stop, 56, 8);
HAS(tp_options, hook_ctx, 64, 8);
HAS(tp_options, capacity, 72, 8);
HAS(tp_options, when_full, 80, 4);
HAS(tp_options, reserved, 84, 4);

_Static_assert(sizeof(tp_task_options) == 32 && _Alignof(tp_task_options) == 8, "tp_task_options");
HAS(tp_task_options, struct_size, 0, 8);
HAS(tp_task_options, name, 8, 8);
HAS(tp_task_options, priority, 16, 4);
HAS(tp_task_options, reserved, 20, 4);
HAS(tp_task_options, drop, 24, 8);
#endif

_Static_assert(sizeof(tp_status) == 4 && (tp_status)-1 < 0, "a status is an int32_t");
_Static_assert(TP_OK == 0 && TP_EINVAL == -1 && TP_ENOMEM == -2 && TP_EAGAIN == -3 && TP_ESHUTDOWN == -4, "statuses");
_Static_assert(TP_EFULL == -5 && TP_ETIMEDOUT == -6 && TP_ECANCELED == -7 && TP_EDEADLK == -8, "statuses");
_Static_assert(TP_EFORKED == -9 && TP_EBUSY == -10 && TP_ENOTSUP == -11, "statuses");
_Static_assert(TP_FULL_BLOCK == 0 && TP_FULL_FAIL == 1, "what a full queue does");
_Static_assert(TP_FULL_RUN_IN_CALLER == 2 && TP_FULL_DROP_OLDEST == 3, "what a full queue does");
_Static_assert(TP_DRAIN == 0 && TP_DISCARD == 1, "modes of shutdown");
_Static_assert(TP_PRIORITY_LOW == -1 && TP_PRIORITY_NORMAL == 0 && TP_PRIORITY_HIGH == 1, "priorities");
_Static_assert(TP_NO_RESERVE == UINT32_MAX && TP_FOREVER == UINT64_MAX, "limits");

// A negative constant is one operand, wherever it stands.
_Static_assert(1 - TP_EINVAL == 2 && 1 - TP_PRIORITY_LOW == 2, "parentheses");

static void the_header_is_that_of_the_library(void **state) {
    (void)state;
    char numbers[64];
    snprintf(numbers, sizeof numbers, "%d.%d.%d", TP_VERSION_MAJOR, TP_VERSION_MINOR, TP_VERSION_PATCH);
    assert_string_equal(TP_VERSION, numbers);
    assert_string_equal(tp_version(), numbers);
    assert_ptr_equal(tp_version(), tp_version());
}

static void every_status_says_its_name_and_what_it_means(void **state) {
    (void)state;
    const struct {
        tp_status status;
        const char *name;
    } statuses[] = {
        {TP_OK, "TP_OK"},
        {TP_EINVAL, "TP_EINVAL"},
        {TP_ENOMEM, "TP_ENOMEM"},
        {TP_EAGAIN, "TP_EAGAIN"},
        {TP_ESHUTDOWN, "TP_ESHUTDOWN"},
        {TP_EFULL, "TP_EFULL"},
        {TP_ETIMEDOUT, "TP_ETIMEDOUT"},
        {TP_ECANCELED, "TP_ECANCELED"},
        {TP_EDEADLK, "TP_EDEADLK"},
        {TP_EFORKED, "TP_EFORKED"},
        {TP_EBUSY, "TP_EBUSY"},
        {TP_ENOTSUP, "TP_ENOTSUP"},
    };
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        const char *text = tp_status_string(statuses[i].status);
        size_t length = strlen(statuses[i].name);
        assert_memory_equal(text, statuses[i].name, length);
        assert_memory_equal(text + length, ": ", 2);
        assert_true(strlen(text) > length + 2);
        assert_null(strchr(text, '\n'));
        assert_ptr_equal(text, tp_status_string(statuses[i].status));
    }
    assert_string_equal(tp_status_string(TP_EINVAL), "TP_EINVAL: invalid argument");
}

static void a_number_that_is_no_status_has_a_text_too(void **state) {
    (void)state;
    const tp_status numbers[] = {1, -12, 4711, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *text = tp_status_string(numbers[i]);
        assert_non_null(text);
        assert_true(strlen(text) > 0);
        assert_ptr_equal(text, tp_status_string(numbers[i]));
    }
}

static void the_macros_and_the_init_functions_agree(void **state) {
    (void)state;
    tp_options by_macro = TP_OPTIONS_INIT;
    tp_options by_call;
    memset(&by_call, 0x5a, sizeof by_call);
    assert_status(tp_options_init(&by_call, sizeof by_call), TP_OK);
    assert_int_equal(by_macro.struct_size, sizeof(tp_options));
    assert_memory_equal(&by_macro, &by_call, sizeof by_call);
    tp_task_options task_by_macro = TP_TASK_OPTIONS_INIT;
    tp_task_options task_by_call;
    memset(&task_by_call, 0x5a, sizeof task_by_call);
    assert_status(tp_task_options_init(&task_by_call, sizeof task_by_call), TP_OK);
    assert_int_equal(task_by_macro.struct_size, sizeof(tp_task_options));
    assert_memory_equal(&task_by_macro, &task_by_call, sizeof task_by_call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_that_of_the_library),
        cmocka_unit_test(every_status_says_its_name_and_what_it_means),
        cmocka_unit_test(a_number_that_is_no_status_has_a_text_too),
        cmocka_unit_test(the_macros_and_the_init_functions_agree),
    };
    return run_file(tests);
}
