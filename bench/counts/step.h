// step.h: counts what one thread executes between two points, instruction by instruction.

#ifndef COUNTS_STEP_H
#define COUNTS_STEP_H

#include <stdbool.h>

struct steps {
    long instructions;
    long locked; // a lock prefix, an exchange with memory, mfence: each waits until earlier stores can be seen
    long system_calls;
};

// The calling thread is counted from here to step_end, by itself, on top of what was counted before. What the program
// itself executes is left out: it is to be linked below 4 GiB, with -no-pie.
void step_begin(void);
void step_end(void);

// Counted so far, by one thread at a time.
extern struct steps steps;

// Whether a piece of code that is known is counted as it should; sets the counts to 0.
bool step_is_right(void);

// Says on standard error where the locked instructions are, and how often each was executed.
void list_locked(void);

#endif
