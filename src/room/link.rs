//! Peer connections between members: two ends, each with its own connector, and how far the two have come.

use super::record::{Change, End, LinkOffered, LiveLink, Record, Traffic};
use super::report::Reports;
use crate::model::id::{ConnectorId, LinkId, MemberId, SessionId, SocketKey, StreamType};
use crate::model::time::Timestamp;

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
    /// What the two pages have said of it.
    pub(super) reports: Reports,
    pub(super) offer: OfferDelivery,
}

/// How far an offer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfferDelivery {
    /// It is on its way to a socket of the answering end.
    Pending,
    /// It went out on this one.
    SentOn(SocketKey),
    /// It went out before the server's last start.
    BeforeRestart,
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
        let is_lost = match self.offer {
            OfferDelivery::Pending => false,
            OfferDelivery::SentOn(socket) => answerer_socket != Some(socket),
            OfferDelivery::BeforeRestart => true,
        };
        is_lost && self.answered.is_none()
    }

    /// How its offer is written down.
    pub(super) fn offered(&self) -> LinkOffered {
        LinkOffered {
            link: self.id,
            offerer: self.offerer,
            connector: self.offerer_connector.clone(),
            answerer: self.answerer,
            stream: self.stream.clone(),
        }
    }

    /// Counts a candidate of one of its ends.
    pub(super) fn count_candidate(&mut self, sender: MemberId) {
        let count = if self.offerer.member == sender {
            &mut self.traffic.offerer_candidates
        } else {
            &mut self.traffic.answerer_candidates
        };
        *count = count.saturating_add(1);
        self.unrecorded = true;
    }

    /// What has passed so far, to be written down.
    pub(super) fn record_progress(&mut self, session: Option<SessionId>, at: Timestamp) -> Record {
        self.unrecorded = false;
        let change = Change::LinkProgress {
            link: self.id,
            traffic: self.traffic,
        };
        Record { at, session, change }
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
            reports: Reports::default(),
            offer: OfferDelivery::BeforeRestart,
        }
    }
}
