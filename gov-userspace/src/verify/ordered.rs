//! Work on several threads whose results come in the order of the work.

use std::io;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, Scope};

/// The results of `work` on each of `jobs`, in the order of the jobs.
///
/// The jobs are dealt to `threads` threads in turn, and each has room for one job and one result: the memory in use
/// does not depend on how many jobs there are, and whoever takes no more results stops the work. One thread is the
/// caller's own. A panic in `work` is one of the scope, so that no result is taken for the last that is not.
///
/// # Errors
/// If the system gives no thread.
pub(super) fn ordered<'scope, J: Send + 'scope, D: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    threads: usize,
    jobs: impl Iterator<Item = J> + Send + 'scope,
    work: impl Fn(J) -> D + Copy + Send + 'scope,
) -> io::Result<Box<dyn Iterator<Item = D> + 'scope>> {
    if threads < 2 {
        return Ok(Box::new(jobs.map(work)));
    }
    let (mut lanes, mut results) = (Vec::new(), Vec::new());
    for _lane in 0..threads {
        let (give, given) = sync_channel(1);
        let (done, finished) = sync_channel(1);
        Builder::new().spawn_scoped(scope, move || {
            given.into_iter().map(work).map_while(|result| done.send(result).ok()).for_each(drop);
        })?;
        lanes.push(give);
        results.push(finished);
    }
    Builder::new().spawn_scoped(scope, move || {
        jobs.zip(lanes.iter().cycle()).map_while(|(job, lane)| lane.send(job).ok()).for_each(drop);
    })?;
    let mut turn = 0_usize;
    Ok(Box::new(std::iter::from_fn(move || {
        let result = results.get(turn)?.recv().ok()?;
        turn = turn.saturating_add(1).checked_rem(threads).unwrap_or_default();
        Some(result)
    })))
}

#[cfg(test)]
mod tests {
    use super::ordered;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn results_come_in_the_order_of_the_work_on_any_number_of_threads() {
        for threads in 0..6 {
            for jobs in [0, 1, 5, 100] {
                let results: Vec<usize> = std::thread::scope(|scope| {
                    let late = |job: usize| {
                        std::thread::sleep(Duration::from_micros(if job.is_multiple_of(3) {
                            300
                        } else {
                            0
                        }));
                        job
                    };
                    ordered(scope, threads, 0..jobs, late).unwrap().collect()
                });
                assert!(results.into_iter().eq(0..jobs), "{threads} threads, {jobs} jobs");
            }
        }
    }

    #[test]
    fn work_stops_soon_after_nobody_takes_its_results() {
        let begun = AtomicUsize::new(0);
        let first: Vec<usize> = std::thread::scope(|scope| {
            let jobs = (0..usize::MAX).inspect(|_job| _ = begun.fetch_add(1, Ordering::Relaxed));
            ordered(scope, 3, jobs, |job| job).unwrap().take(4).collect()
        });
        assert_eq!(first, [0, 1, 2, 3]);
        assert!(begun.load(Ordering::Relaxed) < 50);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_not_the_end_of_the_work() {
        std::thread::scope(|scope| {
            let fails = |job: u32| u32::checked_div(1, job.abs_diff(5)).unwrap();
            ordered(scope, 2, 0..100, fails).unwrap().for_each(drop);
        });
    }
}
