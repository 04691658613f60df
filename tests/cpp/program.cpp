// program: how a C++ program would use tp: member functions through a lambda, a handle that ends its pool, results in a
// vector, exceptions that stay inside the task. Exits with 0 if all is as it should be.

#include <tp.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

#define must(fact) ((fact) ? (void)0 : die(#fact, __LINE__))

[[noreturn]] void die(const char *fact, int line) {
    std::fprintf(stderr, "program.cpp:%d: must hold: %s\n", line, fact);
    std::abort();
}

class error : public std::runtime_error {
  public:
    explicit error(tp_status status) : std::runtime_error(tp_status_string(status)), status_(status) {}
    tp_status status() const { return status_; }

  private:
    tp_status status_;
};

void check(tp_status status) {
    if (status != TP_OK) throw error(status);
}

// A pool that ends with its scope.
class pool {
  public:
    explicit pool(std::uint32_t threads) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = threads;
        tp_pool *made = nullptr;
        check(tp_create(&options, &made));
        handle_.reset(made);
    }

    tp_pool *get() const { return handle_.get(); }

    void wait() const { check(tp_wait(get(), TP_FOREVER)); }

    // Runs anything that can be called. The task owns it from the moment that it is accepted.
    void submit(std::function<void()> run) const {
        auto task = std::make_unique<std::function<void()>>(std::move(run));
        tp_task_options options = TP_TASK_OPTIONS_INIT;
        options.drop = [](void *arg, tp_status) { delete static_cast<std::function<void()> *>(arg); };
        check(tp_submit_with(
            get(),
            [](void *arg) {
                std::unique_ptr<std::function<void()>> owned(static_cast<std::function<void()> *>(arg));
                (*owned)();
            },
            task.get(), &options));
        (void)task.release();
    }

  private:
    struct end {
        void operator()(tp_pool *handle) const { must(tp_destroy(handle) == TP_OK); }
    };
    std::unique_ptr<tp_pool, end> handle_;
};

// Counts words of lines, one line a task: its member function is the task.
class word_counter {
  public:
    explicit word_counter(std::vector<std::string> lines) : lines_(std::move(lines)), words_(lines_.size()) {}

    std::size_t count(const pool &on) {
        for (std::size_t i = 0; i < lines_.size(); i++) jobs_.push_back({this, i});
        for (job &each : jobs_) {
            check(tp_submit(
                on.get(), [](void *arg) { static_cast<job *>(arg)->owner->count_line(static_cast<job *>(arg)->line); },
                &each));
        }
        on.wait();
        must(seen_ == lines_.size());
        return std::accumulate(words_.begin(), words_.end(), std::size_t{0});
    }

  private:
    struct job {
        word_counter *owner;
        std::size_t line;
    };

    void count_line(std::size_t line) {
        std::size_t words = 0;
        bool inside = false;
        for (char letter : lines_[line]) {
            if (letter != ' ' && !inside) words++;
            inside = letter != ' ';
        }
        words_[line] = words;
        std::lock_guard<std::mutex> lock(mutex_);
        seen_++;
    }

    std::vector<std::string> lines_;
    std::vector<std::size_t> words_;
    std::vector<job> jobs_;
    std::mutex mutex_;
    std::size_t seen_ = 0;
};

void member_functions_run_as_tasks() {
    std::vector<std::string> lines(1000, "a task is a function and one pointer");
    lines.emplace_back("");
    pool two(2);
    must(word_counter(lines).count(two) == 8000);
}

void tasks_own_what_they_capture() {
    auto shared = std::make_shared<std::atomic<int>>(0);
    {
        pool three(3);
        for (int i = 0; i < 500; i++) three.submit([shared] { shared->fetch_add(1); });
    }
    must(*shared == 500);
    must(shared.use_count() == 1);
}

void dropped_tasks_free_what_they_own() {
    auto shared = std::make_shared<std::atomic<int>>(0);
    {
        pool one(1);
        check(tp_pause(one.get()));
        for (int i = 0; i < 500; i++) one.submit([shared] { shared->fetch_add(1); });
        check(tp_shutdown(one.get(), TP_DISCARD, TP_FOREVER));
        must(shared.use_count() == 1);
    }
    must(*shared == 0);
}

void a_refused_task_frees_what_it_owns() {
    auto shared = std::make_shared<int>(0);
    pool one(1);
    check(tp_shutdown(one.get(), TP_DRAIN, TP_FOREVER));
    try {
        one.submit([shared] {});
        must(false);
    } catch (const error &refusal) {
        must(refusal.status() == TP_ESHUTDOWN);
        must(std::string(refusal.what()).find("TP_ESHUTDOWN") == 0);
    }
    must(shared.use_count() == 1);
}

void an_exception_that_a_task_catches_is_its_own_affair() {
    std::atomic<int> caught{0};
    pool two(2);
    for (int i = 0; i < 200; i++) {
        two.submit([&caught, i] {
            try {
                if (i % 2 == 0) throw std::system_error(std::make_error_code(std::errc::io_error));
            } catch (const std::system_error &) {
                caught.fetch_add(1);
            }
        });
    }
    two.wait();
    must(caught == 100);
}

void a_constructor_that_gets_no_pool_throws() {
    try {
        pool none(5000);
        must(false);
    } catch (const error &refusal) {
        must(refusal.status() == TP_EINVAL);
    }
}

void results_come_back_in_a_vector() {
    std::vector<std::uint64_t> results(100);
    pool two(2);
    for (std::uint64_t i = 0; i < results.size(); i++) two.submit([&results, i] { results[i] = i * i; });
    two.wait();
    for (std::uint64_t i = 0; i < results.size(); i++) must(results[i] == i * i);
}

} // namespace

int main() {
    member_functions_run_as_tasks();
    tasks_own_what_they_capture();
    dropped_tasks_free_what_they_own();
    a_refused_task_frees_what_it_owns();
    an_exception_that_a_task_catches_is_its_own_affair();
    a_constructor_that_gets_no_pool_throws();
    results_come_back_in_a_vector();
    std::puts("all is as it should be");
    return 0;
}
