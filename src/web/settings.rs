//! What can be set of the routes.

use std::sync::Arc;
use std::time::Duration;

use super::http::turns::QuestionLimits;
use crate::config::{BasePath, HostNames, IceServers, Origins, TrustedProxies, TurnSecret};
use crate::join_token::EntryRules;
use crate::model::secret::SharedSecret;

/// What can be set.
#[derive(Clone)]
pub struct Settings {
    /// The secret that makes a reviewer.
    pub review_token: String,
    /// How often in a minute an address may be wrong about it, or about a client's id; 0 is no limit.
    pub guesses_per_minute: u32,
    /// Whose word is taken on whether a browser speaks TLS.
    pub trusted_proxies: TrustedProxies,
    /// Who may come in: what is asked of clients here, too.
    pub entry_rules: Arc<EntryRules>,
    /// What a reviewer's links to join are signed with; without it there are none.
    pub join_secret: Option<SharedSecret>,
    /// Whether the review is at another address than the pages that people join by.
    pub has_review_apart: bool,
    /// Whether a directory with a page is served beside it.
    pub has_page: bool,
    /// Whether the rooms in use and their members may be read by anybody.
    pub public_rooms: bool,
    /// The path below which everything is.
    pub base_path: BasePath,
    /// Host names, without port, by which a reviewer's routes may be reached, beside IP addresses and `localhost`.
    pub allowed_hosts: HostNames,
    /// The origins whose pages may read what is public.
    pub allowed_origins: Origins,
    /// How many questions about the past are answered.
    pub questions: QuestionLimits,
    /// The STUN and TURN servers that pages are told of.
    pub ice_servers: IceServers,
    /// What credentials for the TURN servers are made from; without it these are not told.
    pub turn_secret: Option<TurnSecret>,
    /// How long such credentials are good.
    pub turn_ttl: Duration,
    /// How many such credentials a member gets in a minute; 0 is no limit.
    pub turn_credentials_per_member: u32,
    /// How the server's own addresses are spoken to.
    pub scheme: Scheme,
    /// Whether the review is at other addresses than all else.
    pub is_review_elsewhere: bool,
}

/// How a browser speaks to one of the server's own addresses, and what it thinks of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS: it gives no camera to pages of other machines.
    Http,
    /// With a certificate that nobody has vouched for: it warns.
    SelfSigned,
    /// With one that it believes.
    Https,
}
