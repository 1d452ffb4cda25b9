//! What a session keeps of the request that opened it.
//!
//! The engine keeps that request's head for as long as the session lives, and hyper's names and values are slices of
//! the connection's read buffer: all 8 KiB of it would live on, beside the headers' map and what axum has put there.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, HeaderName, SEC_WEBSOCKET_KEY};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use hyper::upgrade::OnUpgrade;

use super::transport_session::TransportSession;
use crate::net::{ClientAddress, Connection};

/// The headers that the engine or [`super::handlers`] read after this.
const READ: [HeaderName; 2] = [ACCEPT_LANGUAGE, SEC_WEBSOCKET_KEY];

/// Puts what is read of a handshake into storage of its own, and drops the rest. A POST opens nothing and passes as it is.
pub(super) async fn keep_what_is_read(request: Request) -> Request {
    if request.method() != Method::GET {
        return request;
    }
    let (mut head, body) = request.into_parts();
    let mut kept = Request::new(body);
    *kept.uri_mut() = Uri::try_from(head.uri.to_string()).unwrap_or(head.uri);
    *kept.headers_mut() = copy(&head.headers);
    if let Some(connection) = head.extensions.remove::<Connection>() {
        kept.extensions_mut().insert(connection);
    }
    if let Some(address) = head.extensions.remove::<ClientAddress>() {
        kept.extensions_mut().insert(address);
    }
    if let Some(session) = head.extensions.remove::<Arc<TransportSession>>() {
        kept.extensions_mut().insert(session);
    }
    if let Some(upgrade) = head.extensions.remove::<OnUpgrade>() {
        kept.extensions_mut().insert(upgrade);
    }
    kept
}

fn copy(headers: &HeaderMap) -> HeaderMap {
    let copied = |name: HeaderName| {
        let value = headers.get(&name)?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    let mut copies = HeaderMap::with_capacity(READ.len());
    copies.extend(READ.into_iter().filter_map(copied));
    copies
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::OriginalUri;

    use super::*;

    fn request(method: Method) -> Request {
        let uri = "/socket.io/?EIO=4&transport=websocket";
        Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "localhost")
            .header(SEC_WEBSOCKET_KEY, "key")
            .header(ACCEPT_LANGUAGE, "zh")
            .extension(OriginalUri(Uri::from_static(uri)))
            .extension(Connection::default())
            .body(Body::empty())
            .unwrap()
    }

    #[tokio::test]
    async fn a_handshake_shares_nothing_with_its_connection() {
        let request = request(Method::GET);
        let places = |request: &Request| {
            let language = request.headers()[ACCEPT_LANGUAGE].as_bytes().as_ptr();
            (request.uri().path().as_ptr(), language)
        };
        let before = places(&request);
        let kept = keep_what_is_read(request).await;
        assert_ne!(places(&kept).0, before.0);
        assert_ne!(places(&kept).1, before.1);
        assert_eq!(kept.uri(), "/socket.io/?EIO=4&transport=websocket");
        assert_eq!(kept.headers()[ACCEPT_LANGUAGE], "zh");
        assert_eq!(kept.headers()[SEC_WEBSOCKET_KEY], "key");
        assert_eq!(kept.headers().len(), 2);
        assert!(kept.extensions().get::<Connection>().is_some());
        assert!(kept.extensions().get::<OriginalUri>().is_none());
    }

    #[tokio::test]
    async fn a_post_passes_as_it_is() {
        let kept = keep_what_is_read(request(Method::POST)).await;
        assert_eq!(kept.headers().len(), 3);
    }
}
