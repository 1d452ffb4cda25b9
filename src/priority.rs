//! Threads that may be slow step back behind those that carry messages.

/// Threads with it still get a tenth of a core that is busy with rooms.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lets this thread, and those that it starts from now on, wait for others, for the rest of its life (the system lets
/// nobody but root undo it).
#[cfg(target_os = "linux")]
pub(crate) fn step_back() {
    use std::cell::Cell;

    use rustix::process::{getpriority_process, setpriority_process};
    use rustix::thread::gettid;

    thread_local! {
        static IS_BEHIND: Cell<bool> = const { Cell::new(false) };
    }
    if IS_BEHIND.replace(true) {
        return;
    }
    let thread = Some(gettid());
    let stepped = getpriority_process(thread).and_then(|now| setpriority_process(thread, now.max(NICENESS)));
    if let Err(error) = stepped {
        tracing::debug!(%error, "a thread stays as important as others");
    }
}

/// Other systems have no priorities of single threads that everybody may set.
#[cfg(not(target_os = "linux"))]
pub(crate) fn step_back() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;
    use rustix::thread::gettid;

    use super::*;

    #[test]
    fn a_thread_steps_back_with_its_children_and_no_other() {
        let ours = || getpriority_process(Some(gettid())).unwrap();
        let before = ours();
        let [behind, child] = std::thread::spawn(move || {
            step_back();
            step_back();
            [ours(), std::thread::spawn(ours).join().unwrap()]
        })
        .join()
        .unwrap();
        let wanted = NICENESS.max(before);
        assert_eq!([behind, child], [wanted; 2]);
        assert_eq!(ours(), before);
    }
}
