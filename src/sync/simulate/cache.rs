//! Cache lines: who has which, what it takes to bring one, and how often that was done.
//!
//! A line has an owner, which may write it, or sharers, which may read it. Whoever has it pays a hit. Else the line is
//! brought: the transfers of one line queue up behind each other, and that is what saturates. Whoever was given a line
//! for writing keeps it for half a transfer at least, until the next one's request has come through: enough to try a
//! failed compare-exchange again. A line that nobody has written since it was last brought is read by many at a time.

use core::hash::{BuildHasherDefault, Hasher};
use core::ops::Range;
use std::collections::HashMap;

use super::machine::TICKS_PER_NS;

pub(super) const THREADS_MAX: usize = 320;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Load,
    Store,
    /// A read-modify-write, done or failed.
    Locked,
}

/// What happened to the lines of one name.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Count {
    /// Writes that had to bring the line, or take it from its readers.
    pub(crate) writes: u64,
    /// Reads that had to bring it.
    pub(crate) reads: u64,
    /// Ticks for which the busiest of the lines was under way.
    pub(crate) busy: u64,
}

/// How long an unwritten line is busy with each of its readers.
const SHARED_READ: u64 = 4 * TICKS_PER_NS;

const NAME_OTHERS: usize = 0;
const NAME_OTHERS_LOCKED: usize = 1;

pub(super) struct Cache {
    /// How long a line that another CPU has is under way: what differs most between machines.
    transfer: u64,
    lines: HashMap<usize, Line, LineNumbers>,
    /// Of each thread, the line that it was the last to be given for writing, and when it loses that again.
    grips: [(usize, u64); THREADS_MAX],
    places: Vec<(Range<usize>, usize)>,
    names: Vec<&'static str>,
    counts: Vec<Count>,
}

struct Line {
    name: usize,
    owner: Option<usize>,
    sharers: [u64; THREADS_MAX / 64],
    /// When the transfers asked for so far are done.
    free_at: u64,
    busy: u64,
}

/// A number that spreads its bits is hash enough.
#[derive(Default)]
struct LineNumber(u64);
type LineNumbers = BuildHasherDefault<LineNumber>;

impl Hasher for LineNumber {
    fn write(&mut self, _: &[u8]) {}

    fn write_usize(&mut self, number: usize) {
        self.0 = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Line {
    fn new(name: usize, sharer: usize) -> Line {
        let mut line = Line { name, owner: None, sharers: [0; THREADS_MAX / 64], free_at: 0, busy: 0 };
        line.share(sharer);
        line
    }

    fn has(&self, thread: usize) -> bool {
        self.sharers[thread / 64] & 1 << (thread % 64) != 0
    }

    fn share(&mut self, thread: usize) {
        self.sharers[thread / 64] |= 1 << (thread % 64);
    }
}

fn overlaps(place: &Range<usize>, line: usize) -> bool {
    place.start < (line + 1) * 64 && line * 64 < place.end
}

impl Cache {
    pub(super) fn new(transfer: u64) -> Cache {
        Cache {
            transfer,
            lines: HashMap::default(),
            grips: [(0, 0); THREADS_MAX],
            places: Vec::new(),
            names: vec!["slots", "block counts"],
            counts: vec![Count::default(); 2],
        }
    }

    /// Thread `me` reaches for an address. None if it has the line; else when the line will be there.
    pub(super) fn bring(&mut self, me: usize, address: usize, access: Access, now: u64) -> Option<u64> {
        let number = address / 64;
        let line = self.lines.entry(number).or_insert_with(|| {
            let place = self.places.iter().find(|place| overlaps(&place.0, number));
            // Who touches a line first has it: memory costs nothing.
            Line { owner: Some(me), ..Line::new(place.map_or(NAME_OTHERS, |place| place.1), me) }
        });
        let has = if access == Access::Load { line.has(me) } else { line.owner == Some(me) };
        if has || self.grips[me].0 == number && now < self.grips[me].1 {
            return None;
        }
        let is_shared = access == Access::Load && line.owner.is_none();
        let start = now.max(line.free_at);
        let occupied = if is_shared { self.transfer.min(SHARED_READ) } else { self.transfer };
        line.free_at = start + occupied;
        line.busy += occupied;
        if let Some(owner) = line.owner
            && self.grips[owner].0 == number
        {
            self.grips[owner].1 = start + self.transfer / 2;
        }
        let name = if line.name == NAME_OTHERS && access == Access::Locked { NAME_OTHERS_LOCKED } else { line.name };
        if access == Access::Load {
            self.counts[name].reads += 1;
            line.owner = None;
            line.share(me);
        } else {
            self.counts[name].writes += 1;
            self.grips[me] = (number, u64::MAX);
            *line = Line { owner: Some(me), free_at: line.free_at, busy: line.busy, ..Line::new(line.name, me) };
        }
        Some(start + self.transfer)
    }

    /// From now on lines that the range touches are called so. The first name that a line is given counts.
    pub(super) fn name(&mut self, place: Range<usize>, name: &'static str) {
        let index = self.names.iter().position(|&other| other == name).unwrap_or(self.names.len());
        if index == self.names.len() {
            self.names.push(name);
            self.counts.push(Count::default());
        }
        for (number, line) in &mut self.lines {
            if line.name == NAME_OTHERS && overlaps(&place, *number) {
                line.name = index;
            }
        }
        self.places.push((place, index));
    }

    pub(super) fn start_counting(&mut self) {
        self.counts.fill(Count::default());
        self.lines.values_mut().for_each(|line| line.busy = 0);
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, Count)> {
        let mut counts = self.counts.clone();
        for line in self.lines.values() {
            counts[line.name].busy = counts[line.name].busy.max(line.busy);
        }
        self.names.iter().copied().zip(counts).collect()
    }
}
