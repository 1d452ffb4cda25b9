//! All links of a room, by their two ends, and those that were closed or replaced lately.

use std::collections::BTreeMap;

use super::link::{Link, OfferDelivery};
use super::output::Message;
use super::past::{Closed, ClosedLinks, LeftLinks, ReplacedLink, ReplacedLinks};
use super::record::{LinkSide, Report};
use super::report::Reports;
use crate::model::id::{ConnectorId, LinkId, MemberId, SocketKey};
use crate::model::time::Tick;

/// What two members have between them, and had lately.
#[derive(Debug, Clone, Default)]
struct Pair {
    /// In the order they were offered.
    links: Vec<Link>,
    replaced: ReplacedLinks,
    closed: ClosedLinks,
    /// One of them has ended their `user` link, and none has been offered since: nobody asks for another.
    is_hung_up: bool,
}

/// What an end has hung up.
pub(super) struct HungUp {
    pub(super) link: Option<Link>,
    /// The other end's own connector.
    pub(super) peers: Option<ConnectorId>,
}

/// All links of a room.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    /// By the two members, the smaller id first.
    pairs: BTreeMap<(MemberId, MemberId), Pair>,
    /// Those whose offering end has left: the answering one may still answer.
    left: LeftLinks,
}

fn key(a: MemberId, b: MemberId) -> (MemberId, MemberId) {
    if a < b { (a, b) } else { (b, a) }
}

impl Links {
    /// How many links two members may have at once: one `user` and one of each other stream each way is plenty.
    pub(super) const PER_PAIR: usize = 16;

    fn pair(&self, a: MemberId, b: MemberId) -> Option<&Pair> {
        self.pairs.get(&key(a, b))
    }

    pub(super) fn between(&self, a: MemberId, b: MemberId) -> &[Link] {
        self.pair(a, b).map_or(&[], |pair| &pair.links)
    }

    pub(super) fn between_mut(&mut self, a: MemberId, b: MemberId) -> &mut [Link] {
        self.pairs.get_mut(&key(a, b)).map_or(&mut [], |pair| &mut pair.links)
    }

    pub(super) fn open(&mut self, link: Link) {
        let key = key(link.offerer.member, link.answerer.member);
        let pair = self.pairs.entry(key).or_default();
        for replaced in pair.replaced.iter_mut() {
            replaced.is_answered_late &= !replaced.is_replaced_by(&link.stream, link.offerer.member);
        }
        pair.is_hung_up &= !link.stream.is_user();
        pair.links.push(link);
    }

    /// Notes the socket that an offer goes out on (`None`: it waits in the mailbox).
    pub(super) fn note_sent(&mut self, to: MemberId, message: &Message, socket: Option<SocketKey>) {
        let Message::Offer { from, offer, .. } = message else {
            return;
        };
        for link in self.between_mut(to, *from) {
            if link.answerer.member == to && link.offerer_connector == offer.connector {
                link.offer = socket.map_or(OfferDelivery::Pending, OfferDelivery::SentOn);
            }
        }
    }

    /// Closes the links of two members that `gone` names. What is still said about them is dropped.
    pub(super) fn close(&mut self, a: MemberId, b: MemberId, now: Tick, gone: impl Fn(&Link) -> bool) -> Vec<Link> {
        let Some(pair) = self.pairs.get_mut(&key(a, b)) else {
            return Vec::new();
        };
        let closed: Vec<Link> = pair.links.extract_if(.., |link| gone(link)).collect();
        for link in &closed {
            pair.closed.push(Closed::of(link), now);
        }
        closed
    }

    /// Closes all links of two members, replaced ones too.
    pub(super) fn close_all(&mut self, a: MemberId, b: MemberId, now: Tick) -> Vec<Link> {
        if let Some(pair) = self.pairs.get_mut(&key(a, b)) {
            for link in std::mem::take(&mut pair.replaced).iter() {
                pair.closed.push(Closed::of_replaced(link), now);
            }
        }
        self.close(a, b, now, |_| true)
    }

    /// Closes the link that an end says is over, by its own connector. Gives the connector of the other end, if that is
    /// known, and the link itself unless it was replaced before.
    pub(super) fn hang_up(
        &mut self,
        from: MemberId,
        to: MemberId,
        connector: &ConnectorId,
        now: Tick,
    ) -> Option<HungUp> {
        let pair = self.pairs.get_mut(&key(from, to))?;
        let named = |link: &Link| link.connector_of(from) == Some(connector);
        if let Some(index) = pair.links.iter().position(named) {
            let link = pair.links.remove(index);
            pair.is_hung_up |= link.stream.is_user();
            pair.closed.push(Closed::of(&link), now);
            let peers = link.connector_of(to).cloned();
            return Some(HungUp {
                link: Some(link),
                peers,
            });
        }
        let replaced = pair.replaced.remove(from, connector)?;
        pair.is_hung_up |= replaced.is_answered_late && replaced.stream.is_user();
        pair.closed.push(Closed::of_replaced(&replaced), now);
        let peers = replaced.connector_of(to).cloned();
        Some(HungUp { link: None, peers })
    }

    /// Whether one of the two has ended what they had, and nobody has offered since.
    pub(super) fn is_hung_up(&self, a: MemberId, b: MemberId) -> bool {
        self.pair(a, b).is_some_and(|pair| pair.is_hung_up)
    }

    /// Where what an end says of a link is kept, by that end's own connector; also of one that was replaced.
    pub(super) fn reports_of(
        &mut self,
        from: MemberId,
        to: MemberId,
        connector: &ConnectorId,
    ) -> Option<(LinkId, LinkSide, &mut Reports)> {
        let pair = self.pairs.get_mut(&key(from, to))?;
        let end = |offerer: MemberId| {
            if offerer == from {
                LinkSide::Offerer
            } else {
                LinkSide::Answerer
            }
        };
        let mut links = pair.links.iter_mut();
        if let Some(link) = links.find(|link| link.connector_of(from) == Some(connector)) {
            return Some((link.id, end(link.offerer.member), &mut link.reports));
        }
        let link = pair.replaced.find_mut(from, connector)?;
        Some((link.id, end(link.offerer), &mut link.reports))
    }

    /// What pages have said lately and is still to be recorded.
    pub(super) fn take_waiting_reports(&mut self) -> Vec<(LinkId, LinkSide, Report)> {
        let mut waiting = Vec::new();
        for pair in self.pairs.values_mut() {
            let links = pair.links.iter_mut().map(|link| (link.id, &mut link.reports));
            let replaced = pair.replaced.iter_mut().map(|link| (link.id, &mut link.reports));
            for (id, reports) in links.chain(replaced) {
                waiting.extend(reports.take_waiting().map(|(end, report)| (id, end, report)));
            }
        }
        waiting
    }

    /// Takes out the links of two members that a newer one takes the place of. They are still links of the two.
    pub(super) fn replace(
        &mut self,
        a: MemberId,
        b: MemberId,
        now: Tick,
        replaced: impl Fn(&Link) -> bool,
    ) -> Vec<Link> {
        let Some(pair) = self.pairs.get_mut(&key(a, b)) else {
            return Vec::new();
        };
        let links: Vec<Link> = pair.links.extract_if(.., |link| replaced(link)).collect();
        for link in &links {
            pair.remember_replaced(ReplacedLink::of(link), now);
        }
        links
    }

    /// An answering end has taken another connector for a link: the one before goes on being translated.
    pub(super) fn remember_connectors(&mut self, link: ReplacedLink, now: Tick) {
        let key = key(link.offerer, link.answerer);
        self.pairs.entry(key).or_default().remember_replaced(link, now);
    }

    /// Takes out all that two members had, as one of them leaves.
    pub(super) fn remove_pair(&mut self, leaver: MemberId, peer: MemberId) -> Vec<Link> {
        let Some(pair) = self.pairs.remove(&key(leaver, peer)) else {
            return Vec::new();
        };
        self.left
            .extend(peer, pair.closed.into_iter().filter(|link| link.offerer == leaver));
        let replaced = pair.replaced.iter().map(Closed::of_replaced);
        self.left.extend(peer, replaced.filter(|link| link.offerer == leaver));
        let open = pair.links.iter().map(Closed::of);
        self.left.extend(peer, open.filter(|link| link.offerer == leaver));
        pair.links
    }

    /// The replaced link between the two that has this connector at this member's end.
    pub(super) fn replaced(&self, of: MemberId, other: MemberId, connector: &ConnectorId) -> Option<&ReplacedLink> {
        self.pair(of, other)?.replaced.find(of, connector)
    }

    /// The replaced links of two members that were answered after all, while the offer in their place was not.
    pub(super) fn answered_late(&self, a: MemberId, b: MemberId) -> impl Iterator<Item = &ReplacedLink> {
        self.pair(a, b).into_iter().flat_map(|pair| {
            let is_completed = |replaced: &ReplacedLink| {
                let mut answered = pair.links.iter().filter(|link| link.answered.is_some());
                answered.any(|link| replaced.is_replaced_by(&link.stream, link.offerer.member))
            };
            let late = pair.replaced.iter().filter(|link| link.is_answered_late);
            late.filter(move |link| !is_completed(link))
        })
    }

    /// The replaced link that an answer is for.
    pub(super) fn replaced_offer(
        &mut self,
        offerer: MemberId,
        answerer: MemberId,
        connector: &ConnectorId,
    ) -> Option<&mut ReplacedLink> {
        let pair = self.pairs.get_mut(&key(offerer, answerer))?;
        pair.replaced.offered(offerer, connector)
    }

    /// The closed link that an answer is for. An answering end that was never told learns of it once.
    pub(super) fn closed_offer(
        &mut self,
        offerer: MemberId,
        offerer_connector: &ConnectorId,
        answerer: MemberId,
    ) -> Option<&mut Closed> {
        match self.pairs.get_mut(&key(offerer, answerer)) {
            Some(pair) => pair.closed.offered(offerer, offerer_connector),
            None => self.left.offered(offerer, offerer_connector, answerer),
        }
    }

    /// Whether `connector` was an end of a link between the two that closed lately.
    pub(super) fn was_closed(&self, a: MemberId, b: MemberId, connector: &ConnectorId, now: Tick) -> bool {
        self.pair(a, b).is_some_and(|pair| pair.closed.may_have(connector, now))
    }

    /// Forgets those who left: the session is over.
    pub(super) fn forget_left(&mut self) {
        self.left = LeftLinks::default();
    }

    /// The two ends of each pair that has, or had lately, something between them.
    #[cfg(debug_assertions)]
    pub(super) fn pairs(&self) -> impl Iterator<Item = (MemberId, MemberId, &[Link])> {
        self.pairs.iter().map(|(&(a, b), pair)| (a, b, pair.links.as_slice()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.pairs.values().flat_map(|pair| &pair.links)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.pairs.values_mut().flat_map(|pair| &mut pair.links)
    }
}

impl Pair {
    fn remember_replaced(&mut self, link: ReplacedLink, now: Tick) {
        if let Some(oldest) = self.replaced.push(link) {
            self.closed.push(Closed::of_replaced(&oldest), now);
        }
    }
}
