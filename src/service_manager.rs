//! What a service manager is told that speaks as systemd does (`sd_notify`): that the server is ready, reloads, stops, and lives.
//! Where there is none (`NOTIFY_SOCKET` is not set), nothing is told.

#[cfg(unix)]
pub(crate) use told::{ready, reloading, say_alive, stopping};
#[cfg(not(unix))]
pub(crate) use untold::{ready, reloading, say_alive, stopping};

#[cfg(unix)]
mod told {
    use std::future::Future;

    use sd_notify::NotifyState;
    use tokio::time::{MissedTickBehavior, interval};

    /// Clients are answered from now on.
    pub(crate) fn ready() {
        tell(&NotifyState::Ready);
    }

    /// What clients are shown is about to change; [`ready`] says that it has.
    pub(crate) fn reloading() {
        tell(&NotifyState::Reloading);
    }

    /// The orderly stop has begun.
    pub(crate) fn stopping() {
        tell(&NotifyState::Stopping);
    }

    /// Says that the server lives, twice within the time after which it would be killed (`WATCHDOG_USEC`), as long as
    /// `answers` gives true. Does nothing if the manager does not watch.
    pub(crate) async fn say_alive<A: Future<Output = bool>>(answers: impl Fn() -> A) {
        let Some(within) = sd_notify::watchdog_enabled().filter(|within| !within.is_zero()) else {
            return;
        };
        let mut turns = interval(within / 2);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            if answers().await {
                tell(&NotifyState::Watchdog);
            }
        }
    }

    /// A manager that does not listen is no reason not to serve.
    fn tell(state: &NotifyState<'_>) {
        if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
            tracing::warn!("the service manager cannot be told {state}: {error}");
        }
    }
}

#[cfg(not(unix))]
mod untold {
    use std::future::{Future, ready as done};

    pub(crate) fn ready() {}

    pub(crate) fn reloading() {}

    pub(crate) fn stopping() {}

    pub(crate) fn say_alive<A>(_answers: impl Fn() -> A) -> impl Future<Output = ()> {
        done(())
    }
}
