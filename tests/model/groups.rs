//! Calls on groups.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use std::sync::{Arc, RwLock};

use tp::capi::blocking::*;
use tp::capi::group::*;
use tp::capi::status::*;

use super::calls::FOREVER;
use super::case::{Extras, Limit, PLACES};
use super::submit::{Order, run, task_options};
use super::world::{Frame, Group, Kind};

impl Group {
    /// Calls with its handle, if nobody is just destroying it.
    pub(crate) fn with<R>(&self, call: impl FnOnce(*mut tp_group) -> R) -> Option<R> {
        let handle = self.handle.try_read().ok().filter(|handle| **handle != 0)?;
        Some(call(*handle as *mut tp_group))
    }
}

impl Frame<'_> {
    fn create_group(&self, pool: usize, parent: Option<Arc<Group>>) -> Option<Arc<Group>> {
        let fits_pool = parent.as_ref().is_none_or(|parent| parent.pool == pool);
        let create = |above: *mut tp_group| {
            let mut handle = std::ptr::null_mut();
            let status = self.with_pool(pool, |of| tp_group_create(of, above, &mut handle))?;
            let ended = self.world.pools[pool].shut_begun.load(SeqCst)
                || parent.as_ref().is_some_and(|parent| self.world.pools[parent.pool].shut_begun.load(SeqCst));
            let fits = match status {
                TP_OK => fits_pool,
                TP_EINVAL => !fits_pool,
                TP_ESHUTDOWN => above as usize != 0 && ended,
                _ => false,
            };
            self.check(fits, || format!("a group is made with {status}"));
            let floor = (self.script + 1).max(2).max(parent.as_ref().map_or(0, |parent| parent.floor));
            let (children, cancel_begun) = (AtomicU32::new(0), AtomicBool::new(false));
            let handle = RwLock::new(handle as usize);
            let group = Arc::new(Group { handle, pool, parent: parent.clone(), children, floor, cancel_begun });
            (status == TP_OK).then(|| {
                if let Some(parent) = &parent {
                    parent.children.fetch_add(1, SeqCst);
                }
                self.world.all_groups.lock().unwrap().push(group.clone());
                group
            })
        };
        match &parent {
            // While the parent is used it is not destroyed, so the child is counted in time.
            Some(parent) => parent.with(create)?,
            None => create(std::ptr::null_mut()),
        }
    }

    pub(crate) fn make_group(&self, pool: usize, parent: Option<u8>, place: u8) {
        let parent = parent.and_then(|parent| self.group(parent));
        if let Some(group) = self.create_group(pool, parent) {
            *self.world.groups[usize::from(place) % PLACES].lock().unwrap() = Some(group);
        }
    }

    pub(crate) fn submit_to_group(&self, place: u8, script: u8, extras: Extras) {
        if let Some(group) = self.group(place) {
            self.submit_in(&group, self.script_from(script, group.floor), Some(extras));
        }
    }

    fn submit_in(&self, group: &Arc<Group>, script: usize, extras: Option<Extras>) {
        if !self.may_submit_to(group.pool, 1) {
            return;
        }
        if extras.is_some_and(|extras| extras.priority != 0) {
            self.world.pools[group.pool].unordered.store(true, SeqCst);
        }
        let has_drop = extras.is_some_and(|extras| extras.drop);
        let (pool, of) = (group.pool, Some(group.clone()));
        let order = Order { kind: Kind::Task, pool, script, group: of, has_drop, input: None };
        // A group may outlive its pool, but no call on it may last while that is destroyed.
        let offer = || {
            group.with(|handle| {
                self.offer(order, |arg| match extras {
                    None => tp_group_submit(handle, Some(run), arg),
                    Some(extras) => tp_group_submit_with(handle, Some(run), arg, &task_options(extras)),
                });
            });
        };
        self.beside_pool(pool, offer);
    }

    /// Calls what uses a pool by way of a group of its: while the pool is not being destroyed, or once it is gone.
    fn beside_pool<R>(&self, pool: usize, call: impl FnOnce() -> R) -> Option<R> {
        if self.world.pools[pool].is_gone() { Some(call()) } else { self.with_pool(pool, |_| call()) }
    }

    pub(crate) fn wait_group(&self, place: u8, limit: Limit) {
        if let Some(group) = self.group(place) {
            self.wait_for(&group, limit);
        }
    }

    fn wait_for(&self, group: &Arc<Group>, limit: Limit) -> Option<tp_status> {
        let timeout_ns = self.timeout(limit, Some(group.pool), group.floor, true);
        if timeout_ns != 0 {
            self.resume_own();
        }
        let is_inside = self.is_in_group(group);
        let own = self.world.accepted(|ticket| ticket.group.as_ref().is_some_and(|of| of.is_inside(group)));
        let status = group.with(|handle| tp_group_wait(handle, timeout_ns))?;
        let fits = match status {
            TP_OK => !is_inside,
            TP_EDEADLK => is_inside,
            TP_ETIMEDOUT => !is_inside && timeout_ns != FOREVER,
            TP_EAGAIN => !is_inside && self.is_inside_any() && self.world.may_lack_threads(),
            _ => false,
        };
        self.check(fits, || format!("a wait for a group says {status}"));
        if status == TP_OK {
            self.check_ended(&own, "a group");
        }
        Some(status)
    }

    pub(crate) fn notify(&self, place: u8, script: u8) {
        let Some(group) = self.group(place) else {
            return;
        };
        if !self.world.may_submit(1) {
            return;
        }
        let (pool, script) = (group.pool, self.script_below(script));
        let order = Order { kind: Kind::Notice, pool, script, group: None, has_drop: false, input: None };
        let offer = || {
            group.with(|handle| {
                self.offer(order, |arg| tp_group_notify(handle, Some(run), arg));
            });
        };
        self.beside_pool(pool, offer);
    }

    pub(crate) fn cancel_group(&self, place: u8) {
        let Some(group) = self.group(place) else {
            return;
        };
        let is_inside = self.is_in_group(&group);
        let cancel = |handle| {
            group.cancel_begun.store(true, SeqCst);
            let status = tp_group_cancel(handle);
            self.check(status == TP_OK, || format!("a cancel says {status}"));
            // It is not empty before this task has ended. What stands here may be another group's, though.
            let own = self.ticket.is_some_and(|ticket| ticket.group.as_ref().is_some_and(|of| of.is_inside(&group)));
            self.check(!own || tp_cancelled() == 1, || "not asked to stop by its own group".to_string());
            self.check(!is_inside || tp_group_count(handle) > 0, || "its own group is empty".to_string());
        };
        group.with(cancel);
    }

    pub(crate) fn destroy_group(&self, place: u8) {
        let Some(group) = self.group(place) else {
            return;
        };
        let is_inside = self.is_in_group(&group);
        let own = self.world.accepted(|ticket| ticket.group.as_ref().is_some_and(|of| of.is_inside(&group)));
        // Under its lock nobody makes a child or submits.
        let destroy = || group.destroy();
        let Some(Some(status)) = self.beside_pool(group.pool, destroy) else {
            return;
        };
        let fits = match status {
            TP_OK => !is_inside,
            // Others may have submitted meanwhile: there is no telling.
            TP_EBUSY => true,
            _ => false,
        };
        self.check(fits, || format!("a group is destroyed with {status}"));
        if status == TP_OK {
            self.check_ended(&own, "a group's end");
        }
    }

    /// The usual way: a group of one's own, a few tasks, a wait.
    pub(crate) fn fork(&self, pool: usize, script: u8, n: u8) {
        let Some(group) = self.create_group(pool, None) else {
            return;
        };
        for nth in 0..n {
            self.submit_in(&group, self.script_from(script.wrapping_add(nth), group.floor), None);
        }
        let status = self.wait_for(&group, Limit::Forever);
        // Nobody but its tasks had it, and these may have made groups below; or `play` is at its end, and has destroyed it.
        if status == Some(TP_OK) {
            let has_children = group.children.load(SeqCst) > 0;
            let count = group.with(|handle| tp_group_count(handle)).unwrap_or(0);
            self.check(count == 0 || has_children, || format!("{count} in a group after its wait"));
            let destroyed = self.beside_pool(pool, || group.destroy()).flatten().unwrap_or(TP_OK);
            let fits = destroyed == TP_OK || has_children;
            self.check(fits, || format!("an empty group is destroyed with {destroyed}"));
        }
    }
}
