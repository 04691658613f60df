//! What happens when a callback lets an exception escape, or `pthread_exit`: the process ends, with one line.
//!
//! The compiler ends it already, by a panic that can't unwind, and calls the panic hook before. Ours writes the line if
//! the thread stands in a callback, else leaves it to the hook that was there.

use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;

use core::sync::atomic::{AtomicBool, Ordering};

use crate::engine::context;
use crate::sys::process;

type PanicHook = dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static;

static WATCHED: AtomicBool = AtomicBool::new(false);
static PREVIOUS: OnceLock<Box<PanicHook>> = OnceLock::new();

pub(crate) fn watch() {
    // shuttle has a hook of its own, which prints the schedule, and which this one would keep from it.
    if cfg!(shuttle) || WATCHED.swap(true, Ordering::AcqRel) {
        return;
    }
    let _ = PREVIOUS.set(panic::take_hook());
    panic::set_hook(Box::new(|info| match (context::current(), PREVIOUS.get()) {
        (Some(context), _) if is_escape(info) => report(context.task_name()),
        (_, Some(previous)) => previous(info),
        (_, None) => {}
    }));
}

fn is_escape(info: &PanicHookInfo<'_>) -> bool {
    info.payload().downcast_ref::<&str>().is_some_and(|text| text.contains("cannot unwind"))
}

fn report(name: &[u8]) -> ! {
    let parts = [&b"tp: an exception or pthread_exit left a callback"[..], b" of task ", name, b"\n"];
    let mut line = [0; 128];
    let mut length = 0;
    for part in parts {
        if name.is_empty() && part != parts[0] && part != parts[3] {
            continue;
        }
        if let Some(room) = line.get_mut(length..length + part.len()) {
            room.copy_from_slice(part);
            length += part.len();
        }
    }
    process::abort(&line[..length])
}
