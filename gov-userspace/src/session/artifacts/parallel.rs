//! Work on many small things by several threads, of which the caller hears now and then.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// How often the caller hears of the work.
const BEAT: Duration = Duration::from_millis(200);

/// The results of `work` on each of `jobs`, in the order of the jobs, whichever thread came to which; `None` for one
/// that ended without a result. Where the system gives no thread, the caller's own does the work.
pub(super) fn each<J: Sync, R: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> R + Sync,
    beat: &mut dyn FnMut(),
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let take = || {
        let place = next.fetch_add(1, Ordering::Relaxed);
        jobs.get(place).map(|job| (place, work(job)))
    };
    let mut results: Vec<Option<R>> = jobs.iter().map(|_job| None).collect();
    let mut keep = |(place, result): (usize, R)| {
        if let Some(room) = results.get_mut(place) {
            *room = Some(result);
        }
    };
    let mut heard = Instant::now();
    let mut tell = move || {
        if heard.elapsed() >= BEAT {
            heard = Instant::now();
            beat();
        }
    };
    std::thread::scope(|scope| {
        let (done, finished) = channel();
        for _thread in 0..threads.min(jobs.len()) {
            let (done, take) = (done.clone(), &take);
            let toil = move || std::iter::from_fn(take).map_while(|one| done.send(one).ok()).for_each(drop);
            if Builder::new().name("hash".to_owned()).spawn_scoped(scope, toil).is_err() {
                break;
            }
        }
        drop(done);
        loop {
            match finished.recv_timeout(BEAT) {
                Ok(one) => keep(one),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            tell();
        }
        // What no thread came to, because there is none.
        while let Some(one) = take() {
            keep(one);
            tell();
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use super::each;
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::time::Duration;

    #[test]
    fn results_stand_in_the_order_of_the_jobs_on_any_number_of_threads() {
        for threads in 0..5 {
            for jobs in [0_u64, 1, 100] {
                let jobs: Vec<u64> = (0..jobs).collect();
                let late = |job: &u64| {
                    std::thread::sleep(Duration::from_micros(if job.is_multiple_of(3) { 300 } else { 0 }));
                    *job
                };
                let results = each(&jobs, threads, late, &mut || ());
                assert!(results.into_iter().eq(jobs.iter().copied().map(Some)), "{threads} threads");
            }
        }
    }

    #[test]
    fn several_threads_work_and_the_caller_hears_of_it() {
        let (names, mut beats) = (Mutex::new(BTreeSet::new()), 0);
        let slow = |_job: &u32| {
            names.lock().unwrap().insert(format!("{:?}", std::thread::current().id()));
            std::thread::sleep(Duration::from_millis(300));
        };
        each(&[0, 1, 2, 3], 2, slow, &mut || beats += 1);
        assert_eq!(names.lock().unwrap().len(), 2);
        assert!(beats > 0);
    }
}
