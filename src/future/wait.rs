//! Waiting for a future, or for the first of several: see `engine::wait` for the life of a wait.

use super::*;
use crate::engine::context::Here;
use crate::engine::park;
use crate::engine::wait::{Link, Waiter, in_time, spin_until};
use crate::sys::clock::Deadline;

impl Future {
    /// Waits, and gives the value. It may be released meanwhile.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<*mut c_void> {
        let _held = (!self.has_ended()).then(|| Held(self.hold()));
        until_any(&[self], deadline)?;
        if self.is_done() { Ok(self.value.load(Relaxed)) } else { Err(Error::Canceled) }
    }

    /// Claims it, to be run here.
    fn claim_early(&self, pool: &Pool) -> bool {
        let claimed = ptr::eq(self.pool, pool) && self.change(PENDING, RUNNING);
        if claimed {
            self.record.set_stale();
        }
        claimed
    }

    /// The future at the root of what this one waits for. `path` gets the last ones before it: each waits for the next.
    fn root(&self, path: &mut Path) -> Option<Held> {
        let mut this = Held(self.hold());
        while this.state() == WAITING {
            let input = this.input()?;
            path.push(this);
            this = input;
        }
        Some(this)
    }

    /// Whether it can't end before what this thread does.
    fn is_on_stack(&self) -> bool {
        let mut held = None::<Held>;
        loop {
            let this = held.as_deref().unwrap_or(self);
            match this.state() {
                RUNNING | DROPPING => return context::is_on_stack(&this.scope),
                WAITING => match this.input() {
                    Some(input) => held = Some(input),
                    None => return false,
                },
                _ => return false,
            }
        }
    }
}

/// The last futures on a walk to the root, so that a long chain is not walked anew for each that can be run next.
struct Path {
    held: [Option<Held>; Path::LENGTH],
    /// How many have been pushed and not popped.
    len: usize,
}

impl Path {
    const LENGTH: usize = 64;

    fn new() -> Path {
        Path { held: [const { None }; Path::LENGTH], len: 0 }
    }

    fn push(&mut self, future: Held) {
        self.held[self.len % Path::LENGTH] = Some(future);
        self.len += 1;
    }

    /// The last that was pushed, if it is still known.
    fn pop(&mut self) -> Option<Held> {
        self.len = self.len.checked_sub(1)?;
        self.held[self.len % Path::LENGTH].take()
    }
}

/// A reference to each.
struct HeldAll<'a>(&'a [&'a Future]);

impl Drop for HeldAll<'_> {
    fn drop(&mut self) {
        // SAFETY: the references are ours.
        self.0.iter().for_each(|&future| unsafe { give_back(NonNull::from(future)) });
    }
}

/// Waits until one of them has ended; which. They may be released meanwhile.
pub(crate) fn wait_any(futures: &[&Future], deadline: Deadline) -> Result<usize> {
    futures.iter().try_for_each(|future| future.same_process())?;
    for future in futures {
        let _ = future.hold();
    }
    let _held = HeldAll(futures);
    until_any(futures, deadline)
}

fn until_any(futures: &[&Future], deadline: Deadline) -> Result<usize> {
    futures.iter().try_for_each(|future| future.same_process())?;
    let first_ended = || {
        let first = futures.iter().position(|future| future.has_ended());
        first.inspect(|&index| tsan::acquire(futures[index]))
    };
    if let Some(index) = first_ended() {
        return Ok(index);
    }
    if futures.iter().all(|future| future.is_on_stack()) {
        return Err(Error::Deadlock);
    }
    loop {
        in_time(deadline)?;
        let look = park::next_look(deadline);
        let ran = run_one(futures) || spin_until(|| first_ended().is_some());
        let result = if ran { Ok(()) } else { park(futures, look) };
        if let Some(index) = first_ended() {
            return Ok(index);
        }
        // Whether time is over is seen above.
        result.or_else(|error| if error == Error::TimedOut { Ok(()) } else { Err(error) })?;
    }
}

/// Runs something that one of them depends on, if this thread is a worker that may.
fn run_one(futures: &[&Future]) -> bool {
    let Some(here) = context::here() else {
        return false;
    };
    futures.iter().any(|future| if future.state() == WAITING { run_chain(&here, future) } else { run(&here, future) })
}

/// Runs what it waits for, as far as that can be run here, and then itself.
fn run_chain(here: &Here<'_>, future: &Future) -> bool {
    let mut path = Path::new();
    let mut next = future.root(&mut path);
    let mut ran = false;
    while next.as_ref().is_some_and(|future| run(here, future)) {
        ran = true;
        next = path.pop();
    }
    ran
}

/// Claims it, if nobody has, and runs it. There is a reference.
fn run(here: &Here<'_>, future: &Future) -> bool {
    let claimed = here.start_early(|| future.claim_early(here.pool).then_some(()));
    if claimed.is_some() {
        here.run_claimed(future.counts(), |context| {
            let value = future.call(context);
            future.finish(DONE, value, false);
        });
    }
    claimed.is_some()
}

/// Sleeps until one of them has ended.
fn park(futures: &[&Future], deadline: Deadline) -> Result<()> {
    const FEW: usize = 8;
    let waiter = Waiter::default();
    let few = [const { Link::unlisted() }; FEW];
    let mut many = Vec::new();
    let links = match futures.len() {
        0..=FEW => &few[..futures.len()],
        n => {
            many.try_reserve_exact(n).map_err(|_| Error::NoMemory)?;
            many.extend((0..n).map(|_| Link::unlisted()));
            &many[..]
        }
    };
    let all_listed = futures.iter().zip(links).all(|(future, link)| {
        let listed = lock(&future.links);
        let runs = future.word.fetch_or(LINKED, AcqRel) & STATE < DONE;
        if runs {
            // SAFETY: it is removed below, before it goes.
            unsafe { listed.waiters.add(link, &waiter) };
        }
        runs
    });
    let result = if all_listed { park::park(&waiter, deadline) } else { Ok(()) };
    for (future, link) in futures.iter().zip(links) {
        lock(&future.links).waiters.remove(link);
    }
    result
}
