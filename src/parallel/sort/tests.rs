//! Sorts against std's, in many shapes.
#![allow(clippy::undocumented_unsafe_blocks, reason = "tests keep to what the functions ask for")]

use core::ffi::c_void;
use core::ptr::NonNull;

use super::*;
use crate::engine::options::Options;
use crate::engine::pool;

/// Numbers that look random, and are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// A pool of its own, and each call as a parallel call.
struct Sorter(NonNull<Pool>);

impl Sorter {
    fn new() -> Sorter {
        let options = Options { threads: 2, ..Options::default() };
        Sorter(NonNull::new(pool::create(options).unwrap()).unwrap())
    }

    fn call(&self, sort: impl FnOnce(&Pool) -> Result<()>) -> Result<()> {
        let pool = unsafe { self.0.as_ref() };
        pool.fork_join(|_, _| sort(pool))?
    }
}

impl Drop for Sorter {
    fn drop(&mut self) {
        unsafe { pool::destroy(self.0).unwrap() };
    }
}

/// `n` numbers below a limit, in some pattern.
fn pattern(which: usize, n: usize, random: &mut Random) -> Vec<u64> {
    let mut numbers: Vec<u64> = match which {
        0 => (0..n).map(|_| random.next()).collect(),
        1 => (0..n).map(|i| i as u64).collect(),
        2 => (0..n).map(|i| (n - i) as u64).collect(),
        3 => (0..n).map(|_| random.next() % 4).collect(),
        4 => (0..n).map(|i| i.min(n - i) as u64).collect(),
        5 => vec![7; n],
        6 => (0..n).map(|i| (i % 17) as u64).collect(),
        7 => (0..n).map(|i| ((n - i) / 3) as u64).collect(),
        8 => (0..n).map(|_| random.next() >> random.below(64)).collect(),
        _ => (0..n).map(|i| i as u64).collect(),
    };
    if which == 9 {
        for _ in 0..n / 20 + 1 {
            if n > 0 {
                let (i, j) = (random.below(n), random.below(n));
                numbers.swap(i, j);
            }
        }
    }
    numbers
}

const PATTERNS: usize = 10;
const SIZES: [usize; 14] = [1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 33, 64, 100, 300];

/// Elements with the number in front, as many bytes as there are, and their place in what room is left behind it.
fn elements(numbers: &[u64], size: usize, at: usize) -> Vec<u8> {
    let mut bytes = vec![0; at + numbers.len() * size];
    for (i, (number, element)) in numbers.iter().zip(bytes[at..].chunks_exact_mut(size)).enumerate() {
        let front = if size >= 12 { 8 } else { size.div_ceil(2) };
        element[..front].copy_from_slice(&number.to_le_bytes()[..front]);
        let back = (size - front).min(4);
        element[front..front + back].copy_from_slice(&(i as u32).to_le_bytes()[..back]);
        element[front + back..].fill(i as u8);
    }
    bytes
}

fn front(element: &[u8]) -> u64 {
    let front = if element.len() >= 12 { 8 } else { element.len().div_ceil(2) };
    let mut word = [0; 8];
    word[..front].copy_from_slice(&element[..front]);
    u64::from_le_bytes(word)
}

unsafe extern "C-unwind" fn by_front(x: *const c_void, y: *const c_void, ctx: *mut c_void) -> i32 {
    let size = unsafe { ctx.cast::<usize>().read() };
    let [x, y] = [x, y].map(|e| front(unsafe { core::slice::from_raw_parts(e.cast(), size) }));
    if x < y { i32::MIN } else { i32::from(x > y) }
}

fn chunks(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    bytes.chunks_exact(size).map(<[u8]>::to_vec).collect()
}

/// A length: most are small, some are large enough for every way.
fn length(round: usize, size: usize, random: &mut Random) -> usize {
    match round % 256 {
        0 if size <= 16 => 100_000 + random.below(100_000),
        1..8 => random.below(20_000),
        8..32 => random.below(2_000),
        32..128 => random.below(200),
        _ => random.below(40),
    }
}

#[test]
fn both_sorts_agree_with_std() {
    let (pool, mut random) = (Sorter::new(), Random(1));
    for round in 0..if cfg!(debug_assertions) { 500 } else { 5_000 } {
        let mut size = SIZES[random.below(SIZES.len())];
        let n = length(round, size, &mut random);
        let at = random.below(3);
        let bytes = elements(&pattern(random.below(PATTERNS), n, &mut random), size, at);
        let mut expected = chunks(&bytes[at..], size);
        expected.sort_by_key(|element| front(element));

        let (mut stably, mut quickly) = (bytes.clone(), bytes);
        let ctx = (&raw mut size).cast();
        unsafe {
            pool.call(|pool| stable(pool, stably.as_mut_ptr().add(at), n, size, by_front, ctx)).unwrap();
            pool.call(|pool| unstable(pool, quickly.as_mut_ptr().add(at), n, size, by_front, ctx)).unwrap();
        }
        assert_eq!(chunks(&stably[at..], size), expected, "{n} of {size}");
        let mut quickly = chunks(&quickly[at..], size);
        assert!(quickly.iter().map(|e| front(e)).eq(expected.iter().map(|e| front(e))), "{n} of {size}");
        quickly.sort();
        expected.sort();
        assert_eq!(quickly, expected, "{n} of {size}");
    }
}

/// The order of keys, as std has it.
fn compare_keys(x: &[u8], y: &[u8], key: KeyType) -> core::cmp::Ordering {
    macro_rules! read {
        ($number:ty) => {
            [x, y].map(|b| <$number>::from_ne_bytes(b[..size_of::<$number>()].try_into().unwrap()))
        };
    }
    match key {
        KeyType::I32 => Ord::cmp(&read!(i32)[0], &read!(i32)[1]),
        KeyType::U32 => Ord::cmp(&read!(u32)[0], &read!(u32)[1]),
        KeyType::I64 => Ord::cmp(&read!(i64)[0], &read!(i64)[1]),
        KeyType::U64 => Ord::cmp(&read!(u64)[0], &read!(u64)[1]),
        KeyType::F32 => f32::total_cmp(&read!(f32)[0], &read!(f32)[1]),
        KeyType::F64 => f64::total_cmp(&read!(f64)[0], &read!(f64)[1]),
    }
}

/// A number as a key of that type, so that small ones are small, and some are special.
fn key_bytes(number: u64, key: KeyType, random: &mut Random) -> Vec<u8> {
    const SPECIAL: [f64; 8] =
        [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN, f64::MIN_POSITIVE, -1.0];
    let special = random.below(8) == 0;
    match key {
        KeyType::F32 if special => (SPECIAL[random.below(8)] as f32).to_ne_bytes().to_vec(),
        KeyType::F64 if special => SPECIAL[random.below(8)].to_ne_bytes().to_vec(),
        KeyType::F32 if number < 1 << 20 => (number as f32 - 100.0).to_ne_bytes().to_vec(),
        KeyType::F64 if number < 1 << 20 => (number as f64 - 100.0).to_ne_bytes().to_vec(),
        _ if key.size() == 4 => (number as u32).wrapping_sub(1).to_ne_bytes().to_vec(),
        _ => number.wrapping_sub(1).to_ne_bytes().to_vec(),
    }
}

#[test]
fn keys_agree_with_std() {
    use KeyType::*;
    let (pool, mut random) = (Sorter::new(), Random(2));
    for round in 0..if cfg!(debug_assertions) { 400 } else { 4_000 } {
        let key = [I32, U32, I64, U64, F32, F64][random.below(6)];
        let bare = random.below(3) == 0;
        let size = if bare { key.size() } else { key.size() + [1, 4, 8, 3, 16, 60, 200][random.below(7)] };
        let offset = random.below(size - key.size() + 1);
        let n = length(round, size, &mut random);
        let mut bytes = elements(&vec![0; n], size, 0);
        let numbers = pattern(random.below(PATTERNS), n, &mut random);
        for (number, element) in numbers.iter().zip(bytes.chunks_exact_mut(size)) {
            element[offset..offset + key.size()].copy_from_slice(&key_bytes(*number, key, &mut random));
        }
        let mut expected = chunks(&bytes, size);
        expected.sort_by(|x, y| compare_keys(&x[offset..], &y[offset..], key));
        unsafe { pool.call(|pool| by_key(pool, bytes.as_mut_ptr(), n, size, offset, key)).unwrap() };
        assert_eq!(chunks(&bytes, size), expected, "{n} of {size} by {key:?} at {offset}");
    }
}

unsafe extern "C-unwind" fn answers(_: *const c_void, _: *const c_void, ctx: *mut c_void) -> i32 {
    let always = ctx as isize;
    if always.abs() == 1 {
        return always as i32;
    }
    static SEED: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
    let seed = SEED.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    (Random(seed).next() % 3) as i32 - 1
}

#[test]
fn what_is_no_order_ends_in_a_permutation() {
    let (pool, mut random) = (Sorter::new(), Random(3));
    for round in 0..if cfg!(debug_assertions) { 150 } else { 1_500 } {
        let size = SIZES[random.below(SIZES.len())];
        let n = length(round, size, &mut random);
        let bytes = elements(&pattern(random.below(PATTERNS), n, &mut random), size, 0);
        let mut expected = chunks(&bytes, size);
        expected.sort();
        let ctx = [0isize, 1, -1][random.below(3)] as *mut c_void;
        for sort in [stable, unstable] {
            let mut bytes = bytes.clone();
            unsafe { pool.call(|pool| sort(pool, bytes.as_mut_ptr(), n, size, answers, ctx)).unwrap() };
            let mut sorted = chunks(&bytes, size);
            sorted.sort();
            assert_eq!(sorted, expected, "{n} of {size}");
        }
    }
}

#[test]
fn elements_keep_their_alignment_wherever_they_are_compared() {
    unsafe extern "C-unwind" fn aligned(x: *const c_void, y: *const c_void, ctx: *mut c_void) -> i32 {
        let align = ctx as usize;
        assert!(x.addr().is_multiple_of(align) && y.addr().is_multiple_of(align));
        Ord::cmp(&unsafe { x.cast::<u8>().read() }, &unsafe { y.cast::<u8>().read() }) as i32
    }
    let (pool, mut random) = (Sorter::new(), Random(4));
    for (size, align) in [(16, 16), (48, 16), (64, 64), (128, 128), (24, 8), (256, 256)] {
        let n = 3_000;
        let mut bytes: Vec<u8> = (0..n * size + align).map(|_| random.next() as u8).collect();
        let base = bytes.as_mut_ptr().wrapping_add(bytes.as_ptr().align_offset(align));
        for sort in [stable, unstable] {
            unsafe { pool.call(|pool| sort(pool, base, n, size, aligned, align as *mut c_void)).unwrap() };
        }
    }
}

#[test]
fn a_size_that_memory_cannot_hold_is_refused() {
    let pool = Sorter::new();
    let base = core::ptr::without_provenance_mut(64);
    let none = core::ptr::null_mut();
    for (n, size) in [(usize::MAX, 2), (1 << 62, 4), (2, usize::MAX), (3, 0)] {
        unsafe {
            assert_eq!(pool.call(|pool| stable(pool, base, n, size, answers, none)), Err(Error::Invalid));
            assert_eq!(pool.call(|pool| unstable(pool, base, n, size, answers, none)), Err(Error::Invalid));
            assert_eq!(pool.call(|pool| by_key(pool, base, n, size, 0, KeyType::I32)), Err(Error::Invalid));
        }
    }
    let outside = unsafe { pool.call(|pool| by_key(pool, base, 2, 8, 1, KeyType::F64)) };
    assert_eq!(outside, Err(Error::Invalid));
}

#[test]
fn memory_that_is_refused_leaves_the_array_as_it_was() {
    let sorter = Sorter::new();
    // Nobody looks at elements: there are none.
    let (base, none) = (core::ptr::without_provenance_mut(64), core::ptr::null_mut());
    let most = isize::MAX as usize / 4;
    let result = unsafe { sorter.call(|pool| stable(pool, base, most, 4, answers, none)) };
    assert_eq!(result, Err(Error::NoMemory));
    assert!(Scratch::new(usize::MAX, base, 4).is_err_and(|error| error == Error::NoMemory));
}
