//! Peer connections between members: two ends, each with its own connector, and how far the two have come.

use std::collections::{BTreeMap, VecDeque};

use super::id::{ConnectorId, LinkId, MemberId, SocketKey, StreamType};
use super::output::Message;
use super::record::{End, LiveLink, Traffic};
use super::time::Timestamp;

/// One peer connection between two members.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) offered_at: Timestamp,
    pub(super) offerer: End,
    pub(super) offerer_connector: ConnectorId,
    pub(super) answerer: End,
    pub(super) answered: Option<(ConnectorId, Timestamp)>,
    pub(super) stream: StreamType,
    pub(super) traffic: Traffic,
    /// Whether `traffic` holds more than was last recorded.
    pub(super) unrecorded: bool,
    /// The socket of the answering end that the offer went out on; `None` while it is on its way to one.
    pub(super) carried_by: Option<SocketKey>,
}

impl Link {
    /// The member's own connector, if it is an end of this link and its connector is known.
    pub(super) fn connector_of(&self, member: MemberId) -> Option<&ConnectorId> {
        if self.offerer.member == member {
            return Some(&self.offerer_connector);
        }
        match &self.answered {
            Some((connector, _)) if self.answerer.member == member => Some(connector),
            _ => None,
        }
    }

    /// Whether the offer went out on a socket that its answering end has lost, and no answer has come.
    pub(super) fn is_lost(&self, answerer_socket: Option<SocketKey>) -> bool {
        self.answered.is_none() && self.carried_by.is_some() && self.carried_by != answerer_socket
    }

    pub(super) fn live(&self) -> LiveLink {
        LiveLink {
            link: self.id,
            offered_at: self.offered_at,
            offerer: self.offerer,
            offerer_connector: self.offerer_connector.clone(),
            answerer: self.answerer,
            answered: self.answered.clone(),
            stream: self.stream.clone(),
            traffic: self.traffic,
            carried_by: self.carried_by,
        }
    }

    /// A link read back after a restart: an offer without an answer went to a socket that is gone.
    pub(super) fn restored(live: LiveLink) -> Self {
        Self {
            id: live.link,
            offered_at: live.offered_at,
            offerer: live.offerer,
            offerer_connector: live.offerer_connector,
            answerer: live.answerer,
            answered: live.answered,
            stream: live.stream,
            traffic: live.traffic,
            unrecorded: false,
            carried_by: Some(LOST_SOCKET),
        }
    }
}

/// No socket of this process has this key.
const LOST_SOCKET: SocketKey = SocketKey(0);

/// A link that is gone while messages about it may still be under way.
#[derive(Debug, Clone)]
pub(super) struct ClosedLink {
    pub(super) offerer: MemberId,
    pub(super) offerer_connector: ConnectorId,
    pub(super) answerer: MemberId,
    /// `None` while the answering end does not know: it answers to nobody, and is told then.
    pub(super) answerer_connector: Option<ConnectorId>,
}

impl ClosedLink {
    fn of(link: &Link) -> Self {
        Self {
            offerer: link.offerer.member,
            offerer_connector: link.offerer_connector.clone(),
            answerer: link.answerer.member,
            answerer_connector: link.answered.as_ref().map(|(connector, _)| connector.clone()),
        }
    }

    /// The connector of this end, if it is known.
    pub(super) fn connector_of(&self, member: MemberId) -> Option<&ConnectorId> {
        if self.offerer == member {
            return Some(&self.offerer_connector);
        }
        self.answerer_connector.as_ref()
    }
}

fn push_bounded(links: &mut VecDeque<ClosedLink>, link: ClosedLink, most: usize) {
    if links.len() == most {
        links.pop_front();
    }
    links.push_back(link);
}

/// All links of a room.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    /// By the two members, the smaller id first; in the order they were offered.
    pairs: BTreeMap<(MemberId, MemberId), Vec<Link>>,
    /// Those that were lost, or left by an end: nothing more is passed on about them.
    closed: VecDeque<ClosedLink>,
    /// Those that a newer link took the place of. Both ends may well go on with them, so their connectors are translated.
    replaced: VecDeque<ClosedLink>,
}

fn pair(a: MemberId, b: MemberId) -> (MemberId, MemberId) {
    if a < b { (a, b) } else { (b, a) }
}

impl Links {
    /// How many links two members may have at once: one `user` and one of each other stream each way is plenty.
    pub(super) const PER_PAIR: usize = 16;
    /// How many links that are gone are remembered.
    const CLOSED: usize = 256;

    pub(super) fn between(&self, a: MemberId, b: MemberId) -> &[Link] {
        self.pairs.get(&pair(a, b)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn between_mut(&mut self, a: MemberId, b: MemberId) -> &mut [Link] {
        self.pairs.get_mut(&pair(a, b)).map_or(&mut [], Vec::as_mut_slice)
    }

    pub(super) fn open(&mut self, link: Link) {
        self.pairs
            .entry(pair(link.offerer.member, link.answerer.member))
            .or_default()
            .push(link);
    }

    /// Notes the socket that an offer goes out on (`None`: it waits in the mailbox).
    pub(super) fn carry(&mut self, to: MemberId, message: &Message, socket: Option<SocketKey>) {
        let Message::Offer {
            remote_connector,
            member: offerer,
            ..
        } = message
        else {
            return;
        };
        for link in self.between_mut(to, *offerer) {
            if link.answerer.member == to && link.offerer_connector == *remote_connector {
                link.carried_by = socket;
            }
        }
    }

    /// Takes out the links of two members that `gone` names.
    pub(super) fn close(&mut self, a: MemberId, b: MemberId, gone: impl Fn(&Link) -> bool) -> Vec<Link> {
        let key = pair(a, b);
        let Some(links) = self.pairs.get_mut(&key) else {
            return Vec::new();
        };
        let closed: Vec<Link> = links.extract_if(.., |link| gone(link)).collect();
        if links.is_empty() {
            self.pairs.remove(&key);
        }
        closed
    }

    /// Remembers a link of which the answering end may not know that it is gone, or about which messages may still come.
    pub(super) fn remember(&mut self, link: &Link) {
        push_bounded(&mut self.closed, ClosedLink::of(link), Self::CLOSED);
    }

    /// Remembers a link that a newer one takes the place of.
    pub(super) fn remember_replaced(&mut self, link: &Link) {
        push_bounded(&mut self.replaced, ClosedLink::of(link), Self::CLOSED);
    }

    /// An answer to a replaced link, if it is one, makes its other connector known.
    pub(super) fn answer_replaced(
        &mut self,
        offerer: MemberId,
        offerer_connector: &ConnectorId,
        answerer: MemberId,
        connector: &ConnectorId,
    ) {
        let link = self.replaced.iter_mut().rev().find(|link| {
            link.offerer == offerer && link.answerer == answerer && link.offerer_connector == *offerer_connector
        });
        if let Some(link) = link {
            link.answerer_connector = Some(connector.clone());
        }
    }

    /// The replaced link between the two that has this connector at either end.
    pub(super) fn replaced(&self, a: MemberId, b: MemberId, connector: &ConnectorId) -> Option<&ClosedLink> {
        self.replaced.iter().rev().find(|link| {
            pair(link.offerer, link.answerer) == pair(a, b)
                && (link.offerer_connector == *connector || link.answerer_connector.as_ref() == Some(connector))
        })
    }

    /// The closed link that an answer is for. An answering end that was never told learns of it once.
    pub(super) fn closed_offer(
        &mut self,
        offerer: MemberId,
        offerer_connector: &ConnectorId,
        answerer: MemberId,
    ) -> Option<&mut ClosedLink> {
        self.closed.iter_mut().rev().find(|link| {
            link.offerer == offerer && link.answerer == answerer && link.offerer_connector == *offerer_connector
        })
    }

    /// Whether `connector` was an end of a link between the two that was lost.
    pub(super) fn was_lost(&self, a: MemberId, b: MemberId, connector: &ConnectorId) -> bool {
        self.closed.iter().any(|link| {
            pair(link.offerer, link.answerer) == pair(a, b)
                && (link.offerer_connector == *connector || link.answerer_connector.as_ref() == Some(connector))
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.pairs.values().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.pairs.values_mut().flatten()
    }
}
