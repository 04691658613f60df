//! Ends the process with the case on standard error if that does not end.

use std::process;
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use super::case::Case;

const LIMIT: Duration = Duration::from_secs(60);

/// Those that are being played: tests may run beside one another.
static PLAYED: Mutex<Vec<(Instant, Arc<Case>)>> = Mutex::new(Vec::new());

/// While it is there, its case is watched.
pub(crate) struct Watched(Arc<Case>);

pub(crate) fn watch(case: &Arc<Case>) -> Watched {
    static DOG: Once = Once::new();
    DOG.call_once(|| drop(thread::spawn(look)));
    PLAYED.lock().unwrap().push((Instant::now(), case.clone()));
    Watched(case.clone())
}

impl Drop for Watched {
    fn drop(&mut self) {
        PLAYED.lock().unwrap().retain(|(_, case)| !Arc::ptr_eq(case, &self.0));
    }
}

fn look() {
    loop {
        thread::sleep(Duration::from_secs(1));
        if let Some((_, case)) = PLAYED.lock().unwrap().iter().find(|(since, _)| since.elapsed() > LIMIT) {
            eprintln!("after {LIMIT:?} this has not ended: {case:#?}");
            process::abort();
        }
    }
}
