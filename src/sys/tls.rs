//! One word for each thread, null at first.
//!
//! `thread_local!` in a shared library calls `__tls_get_addr`, which costs more than the rest of a submit's look-up and
//! ends the process when memory runs out at a thread's first touch. An initial-exec word is two instructions and is
//! there before the thread starts; one word fits the room that the loader keeps for libraries opened later.

#[cfg(all(not(any(loom, shuttle)), any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux"))]
mod word {
    use core::arch::{asm, global_asm};

    global_asm!(
        ".pushsection .tbss,\"awT\",@nobits",
        ".balign 8",
        ".type tp_thread_word,@object",
        ".size tp_thread_word,8",
        ".hidden tp_thread_word",
        ".globl tp_thread_word",
        "tp_thread_word: .zero 8",
        ".popsection",
    );

    #[inline(always)]
    fn address() -> *mut *const () {
        let address: *mut *const ();
        #[cfg(target_arch = "x86_64")]
        // SAFETY: computes the address of this thread's word: its offset, plus the thread's base at fs:0.
        unsafe {
            asm!("mov {a}, qword ptr fs:[0]", "add {a}, qword ptr [rip + tp_thread_word@GOTTPOFF]",
                 a = out(reg) address, options(nostack, pure, readonly));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above; the base is in tpidr_el0.
        unsafe {
            asm!("mrs {a}, tpidr_el0", "adrp {t}, :gottprel:tp_thread_word",
                 "ldr {t}, [{t}, :gottprel_lo12:tp_thread_word]", "add {a}, {a}, {t}",
                 a = out(reg) address, t = out(reg) _, options(nostack, pure, readonly));
        }
        address
    }

    #[inline(always)]
    pub(crate) fn get() -> *const () {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: reads this thread's word, in two instructions.
        unsafe {
            let word: *const ();
            asm!("mov {w}, qword ptr [rip + tp_thread_word@GOTTPOFF]", "mov {w}, qword ptr fs:[{w}]",
                 w = out(reg) word, options(nostack, preserves_flags, readonly));
            word
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: this thread's word is its own.
        unsafe {
            address().read_volatile()
        }
    }

    #[inline(always)]
    pub(crate) fn set(word: *const ()) {
        // SAFETY: this thread's word is its own.
        unsafe { address().write_volatile(word) };
    }
}

#[cfg(shuttle)]
mod word {
    pub(crate) use crate::sync::scheduled::{set_word as set, word as get};
}

#[cfg(all(
    not(shuttle),
    not(all(not(loom), any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux"))
))]
mod word {
    use core::cell::Cell;

    std::thread_local! {
        static WORD: Cell<*const ()> = const { Cell::new(core::ptr::null()) };
    }

    pub(crate) fn get() -> *const () {
        WORD.get()
    }

    pub(crate) fn set(word: *const ()) {
        WORD.set(word);
    }
}

pub(crate) use word::{get, set};

#[cfg(test)]
mod tests {
    #[test]
    fn each_thread_has_a_word_of_its_own() {
        let mark = 5_usize;
        super::set((&raw const mark).cast());
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(super::get().is_null()));
        });
        assert_eq!(super::get(), (&raw const mark).cast());
        super::set(core::ptr::null());
    }
}
