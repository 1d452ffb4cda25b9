//! Questions about the past take turns, so that slow ones, however many, leave the rooms their share of the machine and of
//! the database's readers.
//!
//! A few are answered at once, on threads of their own: what goes on there never holds up a thread that carries messages.
//! The others wait in order. Each address may have some in here; who has more is told to come back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::Response;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::limit::LimitName;
use crate::priority::step_back;

/// The most questions that wait, of all addresses.
const WAITING: usize = 256;

/// How many questions are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionLimits {
    /// At once, over all; 0 is as many as come.
    pub at_once: usize,
    /// Answered or waiting, of one address; 0 is as many as come.
    pub of_address: usize,
}

/// Who is answered, and who waits.
pub(crate) struct QuestionTurns {
    limits: QuestionLimits,
    turns: Arc<Semaphore>,
    questions: Arc<Mutex<HashMap<AddressKey, usize>>>,
    has_warned: AtomicBool,
}

/// A question that is answered or waits.
struct Question {
    of: AddressKey,
    questions: Arc<Mutex<HashMap<AddressKey, usize>>>,
}

impl QuestionTurns {
    pub(crate) fn new(limits: QuestionLimits) -> Self {
        let at_once = match limits.at_once {
            0 => Semaphore::MAX_PERMITS,
            at_once => at_once.min(Semaphore::MAX_PERMITS),
        };
        Self {
            limits,
            turns: Arc::new(Semaphore::new(at_once)),
            questions: Arc::default(),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Makes an answer when its turn comes, on a thread of its own. Whoever goes away meanwhile ends it at its next wait.
    ///
    /// # Errors
    /// If too many wait already.
    pub(crate) async fn answer(
        &self,
        of: AddressKey,
        answer: impl Future<Output = Response> + Send + 'static,
    ) -> Result<Response, Error> {
        let _question = self.ask(of)?;
        self.take(answer).await.ok_or(Error::Internal)
    }

    /// Does a part of an answer when its turn comes, on a thread of its own; `None` if the server ends before.
    pub(crate) async fn take<T: Send + 'static>(&self, part: impl Future<Output = T> + Send + 'static) -> Option<T> {
        // It is never closed.
        let turn = self.turns.clone().acquire_owned().await.ok();
        let gone = CancellationToken::new();
        let _until_gone = gone.clone().drop_guard();
        let runtime = Handle::current();
        let done = spawn_blocking(move || {
            let _turn = turn;
            // The database's readers, which this starts, with it.
            step_back();
            runtime.block_on(gone.run_until_cancelled_owned(part))
        });
        match done.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }

    fn ask(&self, of: AddressKey) -> Result<Question, Error> {
        let mut questions = self.questions.lock();
        let all: usize = questions.values().sum();
        if self.limits.at_once > 0 && all >= WAITING + self.limits.at_once {
            metrics::limit_reached(LimitName::MaxAnswers);
            return Err(Error::Busy);
        }
        let own = questions.entry(of).or_default();
        if self.limits.of_address > 0 && *own >= self.limits.of_address {
            metrics::limit_reached(LimitName::MaxQuestions);
            if !self.has_warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(address = %of, "questions are refused: MAX_QUESTIONS are waiting already");
            }
            return Err(Error::TooManyQuestions);
        }
        *own += 1;
        drop(questions);
        Ok(Question {
            of,
            questions: self.questions.clone(),
        })
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Entry::Occupied(mut own) = self.questions.lock().entry(self.of) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(last: u8) -> AddressKey {
        AddressKey::of(IpAddr::from([192, 0, 2, last]))
    }

    #[tokio::test]
    async fn what_is_done_in_a_turn_holds_no_worker_up() {
        let turns = QuestionTurns::new(QuestionLimits {
            at_once: 1,
            of_address: 2,
        });
        let worker = std::thread::current().id();
        let there = turns.take(async { std::thread::current().id() }).await;
        assert!(there.is_some_and(|there| there != worker));
    }

    #[test]
    fn an_address_has_so_many_questions_and_others_theirs() {
        let turns = QuestionTurns::new(QuestionLimits {
            at_once: 1,
            of_address: 2,
        });
        let first = turns.ask(address(1)).unwrap();
        let _second = turns.ask(address(1)).unwrap();
        assert!(matches!(turns.ask(address(1)), Err(Error::TooManyQuestions)));
        let _other = turns.ask(address(2)).unwrap();
        drop(first);
        let _again = turns.ask(address(1)).unwrap();
        drop((_second, _other, _again));
        assert!(turns.questions.lock().is_empty(), "nobody is remembered");
    }

    #[test]
    fn all_together_have_so_many() {
        let turns = QuestionTurns::new(QuestionLimits {
            at_once: 1,
            of_address: 2,
        });
        let asked: Vec<_> = (0..=255).map_while(|last| turns.ask(address(last)).ok()).collect();
        let more: Vec<_> = (0..=255).map_while(|last| turns.ask(address(last)).ok()).collect();
        assert_eq!(asked.len() + more.len(), WAITING + 1);
        assert!(matches!(turns.ask(address(9)), Err(Error::Busy)));
        let free = QuestionTurns::new(QuestionLimits {
            at_once: 0,
            of_address: 0,
        });
        let asked: Vec<_> = (0..1_000).map_while(|_| free.ask(address(1)).ok()).collect();
        assert_eq!(asked.len(), 1_000);
    }
}
