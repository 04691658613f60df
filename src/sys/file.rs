//! Small files of the system, read whole into a buffer of the caller's: nothing is allocated.

use core::ffi::CStr;

use crate::sys::errno;

/// The file's beginning, as far as `buffer` reaches. None if it can't be read.
pub(crate) fn read<'a>(path: &CStr, buffer: &'a mut [u8]) -> Option<&'a str> {
    let length = errno::kept(|| {
        // SAFETY: a valid path; the descriptor is ours alone.
        let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if file < 0 {
            return None;
        }
        let mut length = 0;
        while let Some(room @ [_, ..]) = buffer.get_mut(length..) {
            // SAFETY: writes into `room`, and no further.
            let got = unsafe { libc::read(file, room.as_mut_ptr().cast(), room.len()) };
            match usize::try_from(got) {
                Ok(0) | Err(_) => break,
                Ok(got) => length += got,
            }
        }
        // SAFETY: opened above.
        unsafe { libc::close(file) };
        Some(length)
    })?;
    core::str::from_utf8(buffer.get(..length)?).ok()
}
