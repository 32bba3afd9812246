//! The engine's turns: what comes of the ring, of time, of its peers and of those who watch for it, one after the other.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::Interest;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::begin::Inherited;
use super::core::{Core, Notices};
use super::engine::Inbox;
use super::gauges::Gauges;
use super::ground::Ground;
use crate::clock::Offset;
use crate::crash;
use crate::host::alarm::Alarm;
use crate::host::readiness;
use crate::kernel::{Kernel, Ring};

/// How often checkpoints that are due are made.
const COMMIT_EVERY: Duration = Duration::from_millis(50);
/// How often kills and gaps are looked at, and all else of which something should have told.
const TICK_EVERY: Duration = Duration::from_millis(250);
/// How often the daemon looks after enforcement.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Records taken from the ring before anything else gets its turn.
const BATCH: usize = 4096;
/// How long after the last session's close those who wait for it are still answered.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How long after the kill of the last session the daemon waits for its end.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// The engine, on a thread of its own, until it has closed its last session after a request to stop.
pub(super) fn engine_thread(
    inherited: Inherited,
    ground: Ground,
    gauges: Option<Gauges>,
    inbox: Inbox,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    runtime.block_on(engine_loop(inherited, ground, gauges, inbox, stopped))
}

async fn engine_loop(
    inherited: Inherited,
    ground: Ground,
    gauges: Option<Gauges>,
    inbox: Inbox,
    mut stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let Inherited { kernel, mut ring, estate } = inherited;
    let Inbox { mut commands, closed } = inbox;
    let capacity = usize::try_from(ground.config.max_sessions).unwrap_or(usize::MAX).clamp(1, 1 << 16);
    let (emptied_sender, mut emptied) = mpsc::channel(capacity);
    let (looked_sender, mut looked) = mpsc::channel(capacity);
    let notices = Notices { emptied: emptied_sender, looked: looked_sender };
    let grace = Duration::from_millis(u64::from(ground.config.grace_ms));
    let mut core = Core::new(kernel, ground, closed, notices);
    core.gauges = gauges;
    core.inherit(estate).context("cannot go on with what a daemon left")?;
    let filled = readiness::watch(ring.fd(), Interest::READABLE).context("cannot watch the ring")?;
    let mut alarm = Alarm::new().context("no alarm for the sessions' ends")?;
    let mut commit = tokio::time::interval(COMMIT_EVERY);
    commit.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = tokio::time::interval(TICK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut give_up, mut last_answer): (Option<Instant>, Option<Instant>) = (None, None);
    let mut more = false;
    loop {
        alarm.set(core.due_ns).context("cannot set the alarm for the sessions' ends")?;
        tokio::select! {
            ready = filled.readable(), if !more => {
                // Cleared before the ring is taken: what comes meanwhile wakes this up again.
                let mut ready = ready.context("cannot watch the ring")?;
                ready.clear_ready();
                drop(ready);
                more = drain(&mut core, &mut ring);
                core.commit(Instant::now());
            }
            // Whoever floods the ring keeps neither its end nor others' questions waiting.
            () = tokio::task::yield_now(), if more => {
                more = drain(&mut core, &mut ring);
                core.commit(Instant::now());
                core.on_time();
            }
            rang = alarm.rings() => {
                rang.context("cannot watch the alarm")?;
                core.on_time();
            }
            Some(command) = commands.recv() => core.answer(command, Instant::now()),
            Some(name) = emptied.recv() => settle(&mut core, &mut ring, vec![name]),
            Some((name, artifacts)) = looked.recv() => core.complete(&name, artifacts),
            _ = commit.tick() => {
                // Nobody is told of what comes while something waits in the ring.
                if ring.is_behind() {
                    drain(&mut core, &mut ring);
                }
                core.commit(Instant::now());
            }
            _ = look.tick() => {
                core.look_after();
                core.publish(Instant::now());
            }
            _ = tick.tick() => {
                // A record may have come without a wake-up while the last one was taken.
                drain(&mut core, &mut ring);
                let empty = core.tick(Instant::now());
                settle(&mut core, &mut ring, empty);
            }
            Ok(()) = &mut stopped, if give_up.is_none() => {
                let now = Instant::now();
                core.stop(now);
                give_up = now.checked_add(grace).and_then(|end| end.checked_add(LAST_WAIT));
            }
        }
        let now = Instant::now();
        if give_up.is_some() && !core.has_sessions() {
            let end = *last_answer.get_or_insert_with(|| now.checked_add(LAST_ANSWERS).unwrap_or(now));
            if now >= end {
                return Ok(());
            }
        } else if give_up.is_some_and(|time| now >= time) {
            anyhow::bail!("sessions that cannot be ended, or whose logs cannot be closed, are left behind");
        }
    }
}

/// Closes the sessions in which nobody is left, after taking what they wrote last from the ring.
fn settle(core: &mut Core<Kernel>, ring: &mut Ring, empty: Vec<String>) {
    let mut empty: Vec<String> = empty.into_iter().filter(|name| core.is_empty(name)).collect();
    if empty.is_empty() {
        return;
    }
    // All that was there, however fast others add to it.
    let end = ring.taken().saturating_add(ring.size());
    while drain(core, ring) && ring.taken() < end {}
    let now = Instant::now();
    core.sort_innermost_first(&mut empty);
    for name in empty {
        if core.is_complete(&name, now) && !core.holds_open_log(&name) {
            core.close(&name);
        }
    }
}

/// Takes a batch of records, and gives back their room once they are written; true when there may be more.
fn drain(core: &mut Core<Kernel>, ring: &mut Ring) -> bool {
    let now = Instant::now();
    core.follow_clock(Offset::sample());
    let before = ring.taken();
    for _ in 0..BATCH {
        let Some(record) = ring.take() else { break };
        core.record(&record, record.position, now);
    }
    if !ring.is_behind() {
        return false;
    }
    crash::point("taken");
    let kept = core.hand_over();
    crash::point("handed-over");
    // Who waits too long for an earlier event does not keep others from recording: if this daemon dies now, what waited
    // is missing in the log, and the kernel's count there says so.
    let taken = ring.taken();
    let kept = kept.filter(|position| taken.wrapping_sub(*position) <= ring.quarter());
    ring.give_back(kept.unwrap_or(taken));
    // One that came before the room was given back wakes nobody.
    ring.taken() != before
}
