//! Links that are no more, while messages about them may still be under way.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::link::Link;
use super::report::Reports;
use crate::model::id::{ConnectorId, LinkId, MemberId, StreamType};
use crate::model::time::Tick;

/// A link that a newer one took the place of. Both ends may well go on with it, so its connectors are translated.
#[derive(Debug, Clone)]
pub(super) struct ReplacedLink {
    pub(super) id: LinkId,
    pub(super) offerer: MemberId,
    pub(super) offerer_connector: ConnectorId,
    pub(super) answerer: MemberId,
    /// `None` until it answers.
    pub(super) answerer_connector: Option<ConnectorId>,
    pub(super) stream: StreamType,
    /// It was answered after all: the two may go on with it, whatever becomes of the newer offer.
    pub(super) is_answered_late: bool,
    pub(super) reports: Reports,
}

impl ReplacedLink {
    pub(super) fn of(link: &Link) -> Self {
        Self {
            id: link.id,
            offerer: link.offerer.member,
            offerer_connector: link.offerer_connector.clone(),
            answerer: link.answerer.member,
            answerer_connector: link.answered.as_ref().map(|(connector, _)| connector.clone()),
            stream: link.stream.clone(),
            is_answered_late: false,
            reports: link.reports,
        }
    }

    /// Whether a link of this stream, offered by this member, takes its place.
    pub(super) fn is_replaced_by(&self, stream: &StreamType, offerer: MemberId) -> bool {
        self.stream == *stream && (stream.is_user() || self.offerer == offerer)
    }

    /// The connector of this end, if it is known.
    pub(super) fn connector_of(&self, member: MemberId) -> Option<&ConnectorId> {
        if self.offerer == member {
            return Some(&self.offerer_connector);
        }
        self.answerer_connector.as_ref()
    }
}

/// The replaced links of a pair, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplacedLinks(VecDeque<ReplacedLink>);

impl ReplacedLinks {
    /// More than any two pages make in good faith: two offers at once are one.
    const MOST: usize = 16;

    /// Takes one in, and gives back the oldest if there are too many.
    pub(super) fn push(&mut self, link: ReplacedLink) -> Option<ReplacedLink> {
        self.0.push_back(link);
        if self.0.len() > Self::MOST {
            self.0.pop_front()
        } else {
            None
        }
    }

    /// The one with this connector at this end.
    pub(super) fn find(&self, end: MemberId, connector: &ConnectorId) -> Option<&ReplacedLink> {
        self.0
            .iter()
            .rev()
            .find(|link| link.connector_of(end) == Some(connector))
    }

    /// As [`Self::find`].
    pub(super) fn find_mut(&mut self, end: MemberId, connector: &ConnectorId) -> Option<&mut ReplacedLink> {
        let mut links = self.0.iter_mut().rev();
        links.find(|link| link.connector_of(end) == Some(connector))
    }

    /// Takes out what [`Self::find`] finds.
    pub(super) fn remove(&mut self, end: MemberId, connector: &ConnectorId) -> Option<ReplacedLink> {
        let is_it = |link: &ReplacedLink| link.connector_of(end) == Some(connector);
        self.0.remove(self.0.iter().rposition(is_it)?)
    }

    /// The one that was offered so.
    pub(super) fn offered(&mut self, offerer: MemberId, connector: &ConnectorId) -> Option<&mut ReplacedLink> {
        self.0
            .iter_mut()
            .rev()
            .find(|link| link.offerer == offerer && link.offerer_connector == *connector)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ReplacedLink> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ReplacedLink> {
        self.0.iter_mut()
    }
}

/// A connector that is only ever compared. A client may make two of its own equal, and gains nothing by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digest(u64);

impl Digest {
    fn of(connector: &ConnectorId) -> Self {
        let mut hasher = DefaultHasher::new();
        connector.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A link that was closed: nothing more is passed on about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closed {
    pub(super) offerer: MemberId,
    offerer_connector: Digest,
    /// `None` while the answering end does not know: it answers to nobody, and is told then.
    answerer_connector: Option<Digest>,
}

impl Closed {
    pub(super) fn of(link: &Link) -> Self {
        Self::of_replaced(&ReplacedLink::of(link))
    }

    pub(super) fn of_replaced(link: &ReplacedLink) -> Self {
        Self {
            offerer: link.offerer,
            offerer_connector: Digest::of(&link.offerer_connector),
            answerer_connector: link.answerer_connector.as_ref().map(Digest::of),
        }
    }

    /// Whether the answering end learns only by its answer that the link is closed. It does so once.
    pub(super) fn is_news(&mut self, connector: &ConnectorId) -> bool {
        let is_news = self.answerer_connector.is_none();
        self.answerer_connector.get_or_insert(Digest::of(connector));
        is_news
    }

    fn has(&self, connector: Digest) -> bool {
        self.offerer_connector == connector || self.answerer_connector == Some(connector)
    }
}

/// The closed links of a pair, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct ClosedLinks {
    links: VecDeque<(Tick, Closed)>,
    /// Until when one that is not found may have been closed lately all the same: there was no room for it.
    unsure_until: Tick,
}

impl ClosedLinks {
    /// How many are remembered for each pair.
    const MOST: usize = 64;
    /// How long messages about a closed link may be under way.
    const REMEMBERED: Duration = Duration::from_secs(60);

    pub(super) fn push(&mut self, link: Closed, now: Tick) {
        while let Some(&(at, _)) = self.links.front()
            && at.after(Self::REMEMBERED) < now
        {
            self.links.pop_front();
        }
        if self.links.len() == Self::MOST
            && let Some((at, _)) = self.links.pop_front()
        {
            self.unsure_until = at.after(Self::REMEMBERED);
        }
        self.links.push_back((now, link));
    }

    /// The one that was offered so.
    pub(super) fn offered(&mut self, offerer: MemberId, connector: &ConnectorId) -> Option<&mut Closed> {
        let connector = Digest::of(connector);
        let mut links = self.links.iter_mut().rev().map(|(_, link)| link);
        links.find(|link| link.offerer == offerer && link.offerer_connector == connector)
    }

    /// Whether this was the connector of an end, as far as is known.
    pub(super) fn may_have(&self, connector: &ConnectorId, now: Tick) -> bool {
        let connector = Digest::of(connector);
        now < self.unsure_until || self.links.iter().any(|(_, link)| link.has(connector))
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Closed> {
        self.links.into_iter().map(|(_, link)| link)
    }
}

/// The links of those who left, by the end that is still there; the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftLinks(VecDeque<(MemberId, Closed)>);

impl LeftLinks {
    /// How many are remembered for a room. An answer to one that is forgotten ends the attempt as well.
    const MOST: usize = 1_024;

    pub(super) fn extend(&mut self, answerer: MemberId, links: impl Iterator<Item = Closed>) {
        for link in links {
            if self.0.len() == Self::MOST {
                self.0.pop_front();
            }
            self.0.push_back((answerer, link));
        }
    }

    /// The one that was offered so.
    pub(super) fn offered(
        &mut self,
        offerer: MemberId,
        connector: &ConnectorId,
        answerer: MemberId,
    ) -> Option<&mut Closed> {
        let connector = Digest::of(connector);
        self.0
            .iter_mut()
            .rev()
            .find(|(end, link)| *end == answerer && link.offerer == offerer && link.offerer_connector == connector)
            .map(|(_, link)| link)
    }
}
