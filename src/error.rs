//! Why a call was refused. Each value is its status in tp.h; `capi::status` checks that.

/// One for each error of tp.h that the engine can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Error {
    Invalid = -1,
    NoMemory = -2,
    NoThread = -3,
    ShutDown = -4,
    Full = -5,
    TimedOut = -6,
    Canceled = -7,
    Deadlock = -8,
    Forked = -9,
    Busy = -10,
    NotSupported = -11,
}

impl Error {
    pub(crate) const fn status(self) -> i32 {
        self as i32
    }
}

pub(crate) type Result<T> = core::result::Result<T, Error>;
