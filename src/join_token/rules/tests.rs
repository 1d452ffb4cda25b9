//! Tokens as others make them, and what becomes of who shows them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::join_token::{Grant, MAX_TOKEN_BYTES, RoomPattern};
use crate::model::id::InvalidText;

const SECRET: &str = "a-secret-of-thirty-two-characters";
/// 2026-03-01T09:00:00Z, in seconds.
const NOW: i64 = 1_772_355_600;
const HOUR: i64 = 3600;

fn rules(rooms: &str, secret: Option<&str>) -> EntryRules {
    let secret = secret.map(|secret| SharedSecret::parse(secret).unwrap());
    EntryRules::new(RoomPatterns::parse(rooms).unwrap(), secret.as_ref())
}

/// A token as the standard has it, without the library.
fn signed(header: &Value, claims: &str, secret: &str) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let message = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.as_bytes())
    );
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(message.as_bytes());
    format!("{message}.{}", encode(&hmac.finalize().into_bytes()))
}

fn token(claims: &Value) -> String {
    signed(&json!({"alg": "HS256", "typ": "JWT"}), &claims.to_string(), SECRET)
}

/// Claims of a good token, with these instead; `null` is none.
fn claims(other: &Value) -> Value {
    let mut claims = json!({"aud": "chatroom:join", "room": "lesson", "exp": NOW + HOUR, "jti": "1"});
    for (name, value) in other.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn enter(rules: &EntryRules, shown: &Shown, room: &str, name: &str, is_back: bool) -> Result<(), Forbidden> {
    let entry = Entry {
        room: &RoomName::parse(room).unwrap(),
        username: Some(&Username::parse(name).unwrap()),
        is_back,
        pass: &rules.read(shown),
    };
    rules.check(&entry, Timestamp(NOW * 1000))
}

fn join(shown: &str) -> Result<(), Forbidden> {
    enter(
        &rules("*", Some(SECRET)),
        &Shown::Token(shown.to_owned()),
        "lesson",
        "Ann",
        false,
    )
}

fn resume(shown: &str) -> Result<(), Forbidden> {
    enter(
        &rules("*", Some(SECRET)),
        &Shown::Token(shown.to_owned()),
        "lesson",
        "Ann",
        true,
    )
}

#[test]
fn without_a_secret_nothing_is_asked_for() {
    let open = rules("*", None);
    for shown in [Shown::Nothing, Shown::NotAString, Shown::Token("x".repeat(1 << 20))] {
        assert_eq!(enter(&open, &shown, "any", "Ann", false), Ok(()), "{shown:?}");
    }
    let listed = rules("lesson-*,Year 7", None);
    for (room, expected) in [
        ("lesson-1", Ok(())),
        ("Year 7", Ok(())),
        ("squat", Err(Forbidden::RoomNotAllowed)),
    ] {
        for is_back in [false, true] {
            assert_eq!(
                enter(&listed, &Shown::Nothing, room, "Ann", is_back),
                expected,
                "{room}"
            );
        }
    }
}

#[test]
fn a_room_that_is_not_allowed_is_so_with_a_token_too() {
    let both = rules("lesson", Some(SECRET));
    let any = Shown::Token(token(&claims(&json!({"room": "*"}))));
    assert_eq!(enter(&both, &any, "lesson", "Ann", false), Ok(()));
    assert_eq!(
        enter(&both, &any, "other", "Ann", false),
        Err(Forbidden::RoomNotAllowed)
    );
    assert_eq!(
        enter(&both, &Shown::Nothing, "lesson", "Ann", true),
        Err(Forbidden::Missing)
    );
    assert_eq!(
        enter(&both, &Shown::NotAString, "lesson", "Ann", false),
        Err(Forbidden::NotAString)
    );
}

#[test]
fn a_claim_decides_by_its_value() {
    use Forbidden::*;
    let stars = "*".repeat(1_000_000);
    let table: Vec<(Value, Result<(), Forbidden>)> = vec![
        (json!({}), Ok(())),
        (json!({"jti": null}), Ok(())),
        (json!({"iat": NOW + HOUR, "iss": "school", "sub": "7"}), Ok(())),
        (json!({"aud": ["other", "chatroom:join"]}), Ok(())),
        (json!({"aud": "chatroom:review"}), Err(Audience)),
        (json!({"aud": []}), Err(Audience)),
        (json!({"aud": null}), Err(Audience)),
        (json!({"aud": 7}), Err(Audience)),
        (json!({"room": "les*"}), Ok(())),
        (json!({"room": " lesson "}), Ok(())),
        (json!({"room": "lesson-*"}), Err(OtherRoom)),
        (json!({"room": "Lesson"}), Err(OtherRoom)),
        (json!({"room": null}), Err(NoClaim("room"))),
        (json!({"room": ["lesson"]}), Err(ClaimNotAString("room"))),
        (json!({"room": ""}), Err(ClaimText("room", InvalidText::Empty))),
        (json!({"room": "*".repeat(128)}), Ok(())),
        (
            json!({"room": "*".repeat(129)}),
            Err(ClaimText("room", InvalidText::TooLong { max: 128 })),
        ),
        (json!({"room": stars}), Err(TooLong)),
        (json!({"name": "Ann"}), Ok(())),
        (json!({"name": " Ann"}), Ok(())),
        (json!({"name": "Bo"}), Err(OtherName)),
        (json!({"name": "ann"}), Err(OtherName)),
        (json!({"name": 7}), Err(ClaimNotAString("name"))),
        (
            json!({"name": "x".repeat(65)}),
            Err(ClaimText("name", InvalidText::TooLong { max: 64 })),
        ),
        (json!({"exp": NOW - 59}), Ok(())),
        (json!({"exp": NOW as f64 - 59.5}), Ok(())),
        (json!({"exp": NOW - 60}), Err(Expired)),
        (json!({"exp": NOW - HOUR}), Err(Expired)),
        (json!({"exp": -1}), Err(Expired)),
        (json!({"exp": 1e300}), Ok(())),
        (json!({"exp": null}), Err(NoClaim("exp"))),
        (json!({"exp": (NOW + HOUR).to_string()}), Err(ClaimNotATime("exp"))),
        (json!({"nbf": NOW + 60}), Ok(())),
        (json!({"nbf": NOW + 61}), Err(NotYet)),
        (json!({"nbf": NOW + HOUR}), Err(NotYet)),
        (json!({"nbf": "soon"}), Err(ClaimNotATime("nbf"))),
        (json!({"jti": 7}), Err(ClaimNotAString("jti"))),
        (
            json!({"jti": "x".repeat(129)}),
            Err(ClaimText("jti", InvalidText::TooLong { max: 128 })),
        ),
    ];
    for (other, expected) in table {
        let told: String = other.to_string().chars().take(80).collect();
        assert_eq!(join(&token(&claims(&other))), expected, "{told}");
    }
}

#[test]
fn who_is_back_needs_all_but_the_time() {
    let with = |other: Value| resume(&token(&claims(&other)));
    assert_eq!(with(json!({"exp": NOW - 100 * HOUR})), Ok(()));
    assert_eq!(with(json!({"nbf": NOW + HOUR})), Ok(()));
    assert_eq!(with(json!({"exp": null})), Err(Forbidden::NoClaim("exp")));
    assert_eq!(with(json!({"room": "other"})), Err(Forbidden::OtherRoom));
    assert_eq!(with(json!({"name": "Bo"})), Err(Forbidden::OtherName));
    assert_eq!(with(json!({"aud": "other"})), Err(Forbidden::Audience));
}

#[test]
fn only_hs256_of_this_secret_is_a_signature() {
    use Forbidden::*;
    let good = claims(&json!({})).to_string();
    let header = |alg: Value| json!({"alg": alg, "typ": "JWT"});
    for (alg, expected) in [
        (json!("HS256"), Ok(())),
        (json!("none"), Err(Algorithm)),
        (json!("None"), Err(Algorithm)),
        (json!("hs256"), Err(Algorithm)),
        (json!("HS384"), Err(Algorithm)),
        (json!("RS256"), Err(Algorithm)),
        (json!("ES256"), Err(Algorithm)),
        (json!("EdDSA"), Err(Algorithm)),
        (json!(null), Err(NotAToken)),
        (json!(7), Err(NotAToken)),
    ] {
        let told = alg.to_string();
        assert_eq!(join(&signed(&header(alg), &good, SECRET)), expected, "{told}");
    }
    let critical = json!({"alg": "HS256", "typ": "JWT", "crit": ["b64"], "b64": true});
    assert_eq!(join(&signed(&critical, &good, SECRET)), Err(Extension));
    let other = signed(
        &header(json!("HS256")),
        &good,
        "another-secret-of-thirty-two-characters",
    );
    assert_eq!(join(&other), Err(Signature));

    let whole = token(&claims(&json!({})));
    let (message, signature) = whole.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let unsigned = signed(&header(json!("none")), &good, SECRET);
    let (unsigned, _) = unsigned.rsplit_once('.').unwrap();
    let changed = claims(&json!({"room": "*"})).to_string();
    let changed = URL_SAFE_NO_PAD.encode(changed);
    for (raw, expected) in [
        (format!("{unsigned}."), Algorithm),
        (format!("{message}."), Signature),
        (format!("{message}.{}", &signature[..20]), Signature),
        (format!("{head}.{changed}.{signature}"), Signature),
        (format!("{whole}.{whole}"), NotAToken),
        (format!("{whole},{whole}"), NotAToken),
        (message.to_owned(), NotAToken),
        (String::new(), NotAToken),
        ("token".to_owned(), NotAToken),
        ("..".to_owned(), NotAToken),
        ("é.é.é".to_owned(), NotAToken),
        (".".repeat(MAX_TOKEN_BYTES), NotAToken),
        (".".repeat(MAX_TOKEN_BYTES + 1), TooLong),
        ("x".repeat(1_000_000), TooLong),
    ] {
        let told: String = raw.chars().take(120).collect();
        assert_eq!(join(&raw), Err(expected), "{told}");
    }
    for claims in ["", "7", "[]", "null", "{", "{\"aud\":\"chatroom:join\"", "\u{1}"] {
        assert_eq!(
            join(&signed(&header(json!("HS256")), claims, SECRET)),
            Err(NotAToken),
            "{claims}"
        );
    }
}

#[test]
fn what_is_made_here_is_good_here_and_in_other_libraries() {
    let secret = SharedSecret::parse(SECRET).unwrap();
    let grant = Grant {
        room: RoomPattern::parse("les*").unwrap(),
        name: Some(Username::parse("Ann").unwrap()),
        expires_at: Timestamp((NOW + HOUR) * 1000),
    };
    let made = [(); 2].map(|()| grant.token(&secret).unwrap());
    assert_ne!(made[0], made[1], "each has an id of its own");
    assert_eq!(join(&made[0]), Ok(()));
    let (message, _) = made[0].rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(read(head), json!({"alg": "HS256", "typ": "JWT"}));
    let mut body = read(body);
    assert!(body["jti"].take().as_str().is_some_and(|id| id.len() == 36));
    let expected = json!({"aud": "chatroom:join", "room": "les*", "name": "Ann", "exp": NOW + HOUR, "jti": null});
    assert_eq!(body, expected);

    // The longest there can be is not too long to be read.
    let longest = Grant {
        room: RoomPattern::parse(&"\u{10400}".repeat(128)).unwrap(),
        name: Some(Username::parse(&"\u{10400}".repeat(64)).unwrap()),
        ..grant
    };
    assert!(longest.token(&secret).unwrap().len() < MAX_TOKEN_BYTES / 2);
}

#[test]
fn a_secret_is_long_and_what_is_told_of_it_does_not_repeat_it() {
    for raw in ["", "seekrit", &"seekrit ".repeat(8), &"é".repeat(32), &"x".repeat(257)] {
        let refusal = SharedSecret::parse(raw).unwrap_err();
        assert!(
            !refusal.contains("seekrit") && refusal.contains("32 to 256"),
            "{refusal}"
        );
    }
    let secret = SharedSecret::parse(SECRET).unwrap();
    assert!(!format!("{secret:?}").contains(SECRET));
    let shown = Shown::Token(SECRET.to_owned());
    assert!(!format!("{shown:?}").contains(SECRET));
}
