//! What must be in the history, worked out from the script alone, the long way: nothing in here is the server's code.

use super::script::{Act, Step, Who};

pub(super) const GRACE: i64 = 15_000;
pub(super) const LINGER: i64 = 60_000;
pub(super) const RESTART_GRACE: i64 = 60_000;

/// What became of all sessions so far. Times are those of the script.
#[derive(Default)]
pub(super) struct Naive {
    /// In the order they began.
    pub(super) sessions: Vec<ExpectedSession>,
    /// Numbers the connections.
    opened: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExpectedPresence {
    Out,
    Here,
    Away,
}

#[derive(Default)]
pub(super) struct ExpectedSession {
    pub(super) room: String,
    pub(super) start: i64,
    pub(super) end: Option<i64>,
    pub(super) people: Vec<ExpectedPerson>,
    pub(super) events: Vec<ExpectedEvent>,
    pub(super) peak: usize,
    /// When somebody was last told something that is in the history.
    told: i64,
    /// Who lost contact, in order.
    losses: Vec<ExpectedLoss>,
    /// In the order they joined.
    members: Vec<ExpectedMember>,
    /// When it is over, if nobody comes.
    over: Option<i64>,
}

pub(super) struct ExpectedPerson {
    pub(super) name: String,
    pub(super) first_in: i64,
    pub(super) last_out: Option<i64>,
    pub(super) reason: Option<&'static str>,
    pub(super) back: usize,
    /// Stretches of being here or away; only the last may be without an end.
    spells: Vec<(ExpectedPresence, i64, Option<i64>)>,
}

/// Somebody lost contact.
struct ExpectedLoss {
    at: i64,
    who: String,
    by_server: bool,
    /// Whether they came back as the same member.
    is_resumed: bool,
    /// When they were back, or given up.
    until: Option<i64>,
}

pub(super) struct ExpectedEvent {
    pub(super) at: i64,
    pub(super) kind: &'static str,
    pub(super) who: Option<String>,
    /// The reason of a leaving.
    pub(super) reason: Option<&'static str>,
}

struct ExpectedMember {
    name: String,
    /// Of the connection that it has, or had last.
    connection: (i64, u64),
    away: Option<Away>,
}

#[derive(Clone, Copy)]
struct Away {
    since: i64,
    until: i64,
    /// Why it leaves if it does not come back, where nobody waits for it to: its page was closed, or the server stopped.
    stopped: Option<&'static str>,
}

impl Naive {
    pub(super) fn status(&self, who: &Who) -> ExpectedPresence {
        let member = self.open(&who.room).and_then(|session| session.member(&who.name));
        match member.map(|member| &member.away) {
            None => ExpectedPresence::Out,
            Some(None) => ExpectedPresence::Here,
            Some(Some(_)) => ExpectedPresence::Away,
        }
    }

    pub(super) fn members(&self) -> Vec<Who> {
        let open = self.sessions.iter().filter(|session| session.end.is_none());
        let all = open.flat_map(|session| session.members.iter().map(|member| (&session.room, &member.name)));
        all.map(|(room, name)| Who {
            room: room.clone(),
            name: name.clone(),
        })
        .collect()
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Act { at, act, who } => {
                self.pass(*at);
                self.act(*at, *act, who);
            }
            Step::Stop { alive, back, clean } => {
                self.pass(*alive);
                let how = if *clean { "server_shutdown" } else { "server_crash" };
                for session in self.sessions.iter_mut().filter(|session| session.end.is_none()) {
                    session.stop(*alive, *back, how);
                }
            }
            Step::Look { at } => self.pass(*at),
        }
    }

    /// What happens by itself up to a moment.
    pub(super) fn pass(&mut self, to: i64) {
        for session in self.sessions.iter_mut().filter(|session| session.end.is_none()) {
            session.pass(to);
        }
    }

    fn open(&self, room: &str) -> Option<&ExpectedSession> {
        let mut open = self.sessions.iter().filter(|session| session.end.is_none());
        open.find(|session| session.room == room)
    }

    fn act(&mut self, at: i64, act: Act, who: &Who) {
        self.opened += 1;
        let connection = (at, self.opened);
        let mut open = self.sessions.iter_mut().filter(|session| session.end.is_none());
        let Some(session) = open.find(|session| session.room == who.room) else {
            assert_eq!(act, Act::Join, "nobody is in room {}", who.room);
            let mut session = ExpectedSession {
                room: who.room.clone(),
                start: at,
                ..ExpectedSession::default()
            };
            session.tell(at, "session_started", None);
            session.join(connection, &who.name);
            self.sessions.push(session);
            return;
        };
        match act {
            Act::Join => session.join(connection, &who.name),
            Act::Again => {
                session.leave(at, &who.name, "replaced");
                session.join(connection, &who.name);
            }
            Act::Leave | Act::Move => {
                let reason = if act == Act::Leave { "left" } else { "moved" };
                session.leave(at, &who.name, reason);
                session.linger(at);
            }
            Act::Drop => session.drop_out(at, at + GRACE, &who.name),
            Act::Close => {
                session.drop_out(at, at + GRACE, &who.name);
                session.member_mut(&who.name).away.as_mut().unwrap().stopped = Some("closed");
                session.losses.pop();
            }
            Act::Resume | Act::TakeOver => session.come_back(connection, &who.name),
            Act::Late => {}
            Act::Err => session.tell(at, "error", Some(&who.name)),
            Act::Refused => session.tell(at, "error", None),
        }
    }
}

impl ExpectedSession {
    fn member(&self, name: &str) -> Option<&ExpectedMember> {
        self.members.iter().find(|member| member.name == name)
    }

    fn member_mut(&mut self, name: &str) -> &mut ExpectedMember {
        self.members.iter_mut().find(|member| member.name == name).unwrap()
    }

    fn person(&mut self, name: &str) -> &mut ExpectedPerson {
        self.people.iter_mut().find(|person| person.name == name).unwrap()
    }

    fn tell(&mut self, at: i64, kind: &'static str, who: Option<&str>) {
        if kind != "session_ended" {
            self.told = self.told.max(at);
        }
        self.events.push(ExpectedEvent {
            at,
            kind,
            who: who.map(str::to_owned),
            reason: None,
        });
    }

    fn join(&mut self, connection: (i64, u64), name: &str) {
        let at = connection.0;
        self.over = None;
        self.members.push(ExpectedMember {
            name: name.to_owned(),
            connection,
            away: None,
        });
        self.peak = self.peak.max(self.members.len());
        if !self.people.iter().any(|person| person.name == name) {
            self.people.push(ExpectedPerson {
                name: name.to_owned(),
                first_in: at,
                last_out: None,
                reason: None,
                back: 0,
                spells: Vec::new(),
            });
        }
        let person = self.person(name);
        person.last_out = None;
        person.reason = None;
        person.spells.push((ExpectedPresence::Here, at, None));
        self.tell(at, "joined", Some(name));
    }

    fn leave(&mut self, at: i64, name: &str, reason: &'static str) {
        self.told = self.told.max(at);
        self.be_gone(at, at, name, reason);
    }

    /// At `at` somebody is found to be gone since `last_there`.
    fn be_gone(&mut self, at: i64, last_there: i64, name: &str, reason: &'static str) {
        self.end_loss(name, last_there, false);
        self.members.retain(|member| member.name != name);
        let person = self.person(name);
        person.spells.last_mut().unwrap().2 = Some(last_there);
        person.last_out = Some(last_there);
        person.reason = Some(reason);
        self.events.push(ExpectedEvent {
            at,
            kind: "left",
            who: Some(name.to_owned()),
            reason: Some(reason),
        });
    }

    /// Whoever is gone last leaves the room empty.
    fn linger(&mut self, now: i64) {
        if self.members.is_empty() {
            self.over = Some(now + LINGER);
        }
    }

    fn drop_out(&mut self, at: i64, until: i64, name: &str) {
        self.member_mut(name).away = Some(Away {
            since: at,
            until,
            stopped: None,
        });
        self.losses.push(ExpectedLoss {
            at,
            who: name.to_owned(),
            by_server: false,
            is_resumed: false,
            until: None,
        });
        let person = self.person(name);
        person.spells.last_mut().unwrap().2 = Some(at);
        person.spells.push((ExpectedPresence::Away, at, None));
        self.tell(at, "disconnected", Some(name));
    }

    fn come_back(&mut self, connection: (i64, u64), name: &str) {
        let at = connection.0;
        self.end_loss(name, at, true);
        let member = self.member_mut(name);
        member.away = None;
        member.connection = connection;
        let person = self.person(name);
        person.back += 1;
        person.spells.last_mut().unwrap().2 = Some(at);
        person.spells.push((ExpectedPresence::Here, at, None));
        self.tell(at, "reconnected", Some(name));
    }

    /// Whoever was away is back, or given up.
    fn end_loss(&mut self, name: &str, at: i64, is_resumed: bool) {
        let Some(away) = self.member(name).and_then(|member| member.away) else {
            return;
        };
        let mut own = self
            .losses
            .iter_mut()
            .rev()
            .filter(|loss| loss.who == name && loss.at == away.since);
        if let Some(loss) = own.next() {
            loss.until = Some(at);
            loss.is_resumed = is_resumed;
        }
    }

    /// Those whose time to come back runs out leave, and an empty room's session ends.
    fn pass(&mut self, to: i64) {
        let due = |member: &ExpectedMember| member.away.map(|away| away.until);
        while let Some(until) = self.members.iter().filter_map(due).min().filter(|until| *until <= to) {
            let gone = self.members.iter().find(|member| due(member) == Some(until)).unwrap();
            let (name, away) = (gone.name.clone(), gone.away.unwrap());
            match away.stopped {
                // Nobody knows that they were still there afterwards.
                Some(how) => self.be_gone(until, away.since, &name, how),
                None => self.leave(until, &name, "timeout"),
            }
            self.linger(until);
        }
        if let Some(over) = self.over.filter(|over| *over <= to) {
            self.finish(over);
        }
    }

    fn finish(&mut self, at: i64) {
        self.end = self.emptied();
        self.tell(at, "session_ended", None);
    }

    fn emptied(&self) -> Option<i64> {
        let is_empty = self.members.is_empty();
        let last_out = self.people.iter().filter_map(|person| person.last_out).max();
        is_empty.then(|| last_out.unwrap().max(self.told))
    }

    fn stop(&mut self, alive: i64, back: i64, how: &'static str) {
        if self.members.is_empty() {
            return self.finish(alive);
        }
        let mut here: Vec<&ExpectedMember> = self.members.iter().filter(|member| member.away.is_none()).collect();
        here.sort_by_key(|member| member.connection);
        let here: Vec<String> = here.iter().map(|member| member.name.clone()).collect();
        for name in here {
            self.drop_out(alive, alive, &name);
            self.losses.last_mut().unwrap().by_server = true;
        }
        for away in self.members.iter_mut().filter_map(|member| member.away.as_mut()) {
            away.until = back + RESTART_GRACE;
            away.stopped = away.stopped.or(Some(how));
        }
    }
}

/// A person's part in a session, looked at from some moment.
pub(super) struct ExpectedAttendance {
    pub(super) present: i64,
    pub(super) away: i64,
    pub(super) gap: i64,
    /// How often they came back from a drop of their own.
    pub(super) back: usize,
    /// What share of the session they were present for, in tenths of a percent.
    pub(super) permille: i64,
    /// How much of the session that is of.
    pub(super) countable: i64,
    /// When they were here.
    pub(super) here: Vec<(i64, i64)>,
    /// When they were away.
    pub(super) gone: Vec<(i64, i64)>,
    pub(super) status: ExpectedPresence,
}

impl ExpectedPerson {
    fn is_here(&self, at: i64) -> bool {
        let mut spells = self.spells.iter();
        spells.any(|(presence, from, to)| {
            *presence == ExpectedPresence::Here && *from <= at && to.is_none_or(|to| to > at)
        })
    }
}

impl ExpectedSession {
    pub(super) fn is_active(&self) -> bool {
        self.end.is_none()
    }

    /// Who is in the room, in the order they joined.
    pub(super) fn members(&self) -> impl Iterator<Item = &ExpectedPerson> {
        let named = |member: &ExpectedMember| self.people.iter().find(|person| person.name == member.name).unwrap();
        self.members.iter().map(named)
    }

    /// Up to when it is measured.
    pub(super) fn until(&self, now: i64) -> i64 {
        self.end.or_else(|| self.emptied()).unwrap_or(now)
    }

    /// Of each loss, whether everybody lost contact by the same.
    fn explained(&self) -> Vec<bool> {
        let mut explained = vec![false; self.losses.len()];
        let mut first = 0;
        while first < self.losses.len() {
            let at = self.losses[first].at;
            let together: Vec<usize> = (first..self.losses.len())
                .filter(|other| self.losses[*other].at <= at + 5_000)
                .collect();
            let who: Vec<&str> = together.iter().map(|loss| self.losses[*loss].who.as_str()).collect();
            let there = self.people.iter().filter(|one| one.is_here(at - 1));
            let all = there.clone().all(|one| who.contains(&one.name.as_str()));
            let mut different = who.clone();
            different.sort_unstable();
            different.dedup();
            let by_server = together.iter().any(|loss| self.losses[*loss].by_server);
            if by_server || all && different.len() >= 3 {
                for loss in &together {
                    explained[*loss] = true;
                }
                first += together.len();
            } else {
                first += 1;
            }
        }
        explained
    }

    /// What of somebody's losses everybody had.
    fn shared_losses(&self, person: &ExpectedPerson) -> Vec<&ExpectedLoss> {
        let all = self.losses.iter().zip(self.explained());
        let own = all.filter(|(loss, explained)| *explained && loss.who == person.name);
        own.map(|(loss, _)| loss).collect()
    }

    /// Whether somebody came back from more than what everybody lost contact by.
    pub(super) fn came_back_alone(&self, person: &ExpectedPerson) -> bool {
        self.own_returns(person) > 0
    }

    fn own_returns(&self, person: &ExpectedPerson) -> usize {
        let shared = self.shared_losses(person);
        person.back - shared.iter().filter(|loss| loss.is_resumed).count()
    }

    /// Whether somebody was lost, and not with everybody else.
    pub(super) fn was_lost_alone(&self, person: &ExpectedPerson) -> bool {
        let is_lost = matches!(person.reason, Some("timeout" | "server_crash" | "server_shutdown"));
        let last = self.losses.iter().rposition(|loss| loss.who == person.name);
        is_lost && !last.is_some_and(|last| self.explained()[last])
    }

    /// When everybody's losses kept somebody out.
    fn kept_out(&self, person: &ExpectedPerson, now: i64) -> Vec<(i64, i64)> {
        let shared = self.shared_losses(person);
        shared.iter().map(|loss| (loss.at, loss.until.unwrap_or(now))).collect()
    }

    pub(super) fn errors(&self) -> usize {
        self.events.iter().filter(|event| event.kind == "error").count()
    }

    pub(super) fn back(&self) -> usize {
        self.people.iter().map(|person| person.back).sum()
    }

    pub(super) fn part(&self, person: &ExpectedPerson, now: i64) -> ExpectedAttendance {
        let last = person.last_out.unwrap_or(now);
        let mut points = vec![person.first_in, last];
        for (_, from, to) in &person.spells {
            points.extend([*from, to.unwrap_or(now)]);
        }
        let kept_out = self.kept_out(person, now);
        for (from, to) in &kept_out {
            points.extend([*from, *to]);
        }
        points.sort_unstable();
        points.dedup();
        // Between two points nothing changes: one look at each stretch is enough.
        let stretches: Vec<(i64, i64, ExpectedPresence)> = points
            .windows(2)
            .map(|pair| (pair[0], pair[1], person.at(pair[0], now)))
            .collect();
        let total = |wanted: ExpectedPresence| -> i64 {
            let of = stretches.iter().filter(|(.., status)| *status == wanted);
            of.map(|(from, to, _)| to - from).sum()
        };
        let is_kept_out = |at: i64| kept_out.iter().any(|(from, to)| (*from..*to).contains(&at));
        let own: Vec<(i64, i64, ExpectedPresence)> = stretches
            .iter()
            .filter(|(from, _, status)| *status == ExpectedPresence::Here || !is_kept_out(*from))
            .copied()
            .collect();
        let present = total(ExpectedPresence::Here);
        let here = with_instants(runs(&stretches, |status| status == ExpectedPresence::Here), person, now);
        let length = self.until(now) - self.start;
        assert!(present <= length, "{} is there longer than the session", person.name);
        let countable = length - kept_out.iter().map(|(from, to)| to - from).sum::<i64>();
        ExpectedAttendance {
            present,
            away: own
                .iter()
                .filter(|(.., status)| *status == ExpectedPresence::Away)
                .map(|(from, to, _)| to - from)
                .sum(),
            gap: longest_gap(&own, &here),
            back: self.own_returns(person),
            permille: match countable {
                0 => 0,
                length => (present * 2000 + length) / (2 * length),
            },
            countable,
            gone: runs(&stretches, |status| status == ExpectedPresence::Away)
                .into_iter()
                .flat_map(|run| cut(run, &here))
                .collect(),
            here,
            status: match (person.last_out, person.spells.last().unwrap().0) {
                (Some(_), _) => ExpectedPresence::Out,
                (None, status) => status,
            },
        }
    }
}

impl ExpectedPerson {
    /// When they were members, here or away.
    fn memberships(&self, now: i64) -> Vec<(i64, i64)> {
        let mut all: Vec<(i64, i64)> = Vec::new();
        for (_, from, to) in &self.spells {
            let to = to.unwrap_or(now);
            match all.last_mut() {
                Some(last) if *from <= last.1 => last.1 = last.1.max(to),
                _ => all.push((*from, to)),
            }
        }
        all
    }

    /// Since when they are a member, if they are, or were up to this very moment.
    pub(super) fn member_since(&self, now: i64) -> Option<i64> {
        let last = self.memberships(now).pop();
        last.filter(|(_, to)| *to >= now).map(|(from, _)| from)
    }

    /// When they and another were members at the same time.
    pub(super) fn together(&self, other: &Self, now: i64) -> Vec<(i64, i64)> {
        let theirs = other.memberships(now);
        let own = self.memberships(now).into_iter();
        let shared = own.flat_map(|(from, to)| theirs.iter().map(move |one| (from.max(one.0), to.min(one.1))));
        shared.filter(|(from, to)| from < to).collect()
    }

    /// What they were at a moment, that is from it to the next.
    pub(super) fn at(&self, at: i64, now: i64) -> ExpectedPresence {
        let covers =
            |(_, from, to): &&(ExpectedPresence, i64, Option<i64>)| *from <= at && at < to.unwrap_or(now.max(at + 1));
        let mut status = ExpectedPresence::Out;
        for (kind, ..) in self.spells.iter().filter(covers) {
            if *kind == ExpectedPresence::Here || status == ExpectedPresence::Out {
                status = *kind;
            }
        }
        status
    }

    /// Since when they are what they are at a moment.
    pub(super) fn since(&self, at: i64, now: i64) -> i64 {
        let status = self.at(at, now);
        let mut begins: Vec<i64> = self
            .spells
            .iter()
            .map(|(_, from, _)| *from)
            .filter(|from| *from <= at)
            .collect();
        begins.sort_unstable();
        let mut since = at;
        for from in begins.into_iter().rev() {
            since = from;
            let was_here = self.spells.contains(&(ExpectedPresence::Here, from, Some(from)));
            if self.at(from - 1, now) != status || status == ExpectedPresence::Away && was_here {
                break;
            }
        }
        since
    }
}

/// Stretches of a kind, those that follow each other as one.
fn runs(stretches: &[(i64, i64, ExpectedPresence)], wanted: impl Fn(ExpectedPresence) -> bool) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for (from, to, _) in stretches.iter().filter(|(.., status)| wanted(*status)) {
        match runs.last_mut() {
            Some(last) if last.1 == *from => last.1 = *to,
            _ => runs.push((*from, *to)),
        }
    }
    runs
}

/// A stretch in pieces, between the instants in it.
fn cut((from, to): (i64, i64), instants: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut edges = vec![from, to];
    edges.extend(instants.iter().map(|(at, _)| *at).filter(|at| from < *at && *at < to));
    edges.sort_unstable();
    edges.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The longest time without being here, which an instant of being here ends, too.
fn longest_gap(stretches: &[(i64, i64, ExpectedPresence)], here: &[(i64, i64)]) -> i64 {
    let (mut longest, mut gap, mut last) = (0, 0, None);
    for (from, to, status) in stretches {
        // What is left out in between was nobody's gap.
        if last.replace(*to).is_some_and(|last| last != *from) {
            gap = 0;
        }
        if *status == ExpectedPresence::Here || here.contains(&(*from, *from)) {
            gap = 0;
        }
        if *status != ExpectedPresence::Here {
            gap += to - from;
        }
        longest = longest.max(gap);
    }
    longest
}

/// Who comes and goes within one millisecond was here all the same.
fn with_instants(mut here: Vec<(i64, i64)>, person: &ExpectedPerson, now: i64) -> Vec<(i64, i64)> {
    for (kind, from, to) in &person.spells {
        let is_instant = *kind == ExpectedPresence::Here && to.unwrap_or(now) == *from;
        if is_instant && !here.iter().any(|(start, end)| start <= from && from <= end) {
            here.push((*from, *from));
        }
    }
    here.sort_unstable();
    here
}
