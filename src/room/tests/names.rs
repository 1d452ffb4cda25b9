//! Whose name is taken: by its look, as people tell names apart.

use super::stage::{Stage, address};
use crate::model::id::InvalidText;
use crate::model::id::{ClientKey, SocketKey, Username};
use crate::model::look::{Look, check};
use crate::room::Input;
use crate::room::input::Join;
use crate::room::output::{Effect, Reply};
use crate::room::refusal::Reason;

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

/// Whether nobody could join under `second` while `first` is there.
fn is_kept_out(first: &str, second: &str) -> bool {
    check(&name(second)).is_err() || Look::of(&name(first)).resembles(&Look::of(&name(second)))
}

#[test]
fn nobody_joins_beside_a_name_as_its_double() {
    let doubles = [
        "Ms. Smith",
        "ms. smith",
        "MS. SMITH",
        "mS. sMiTh",
        "Ms.  Smith",
        "Ms.\u{A0}Smith",
        "Ms.\u{2003}Smith",
        "Ms.\u{3000} Smith",
        "Ms. \u{200B} Smith",
        "Ms. Smith\u{2800}",
        "M\u{200B}s. Smith",
        "\u{FEFF}Ms. Smith",
        "Ms. Sm\u{200D}ith",
        "Ms. Smith\u{2060}",
        "Ms. Sm\u{AD}ith",
        "Ms. Smith\u{FE0F}",
        "Ms. \u{34F}Smith",
        "Ｍｓ. Ｓｍｉｔｈ",
        "Ms. Smith\u{E0041}",
        "Ms. Smith\u{FFFF}",
        "\u{202E}htimS .sM",
        "Ms. Smith\u{200F}",
        "Ms. Ѕmith",
        "Мs. Smith",
        "MS. SMІTH",
        "МS. SMІTH",
        "Ms. Smi\u{1D42D}h",
        "Ms. Srnith",
        "Ms. Smith\u{FFFB}",
        "Ms. Smi\u{307}th",
        "Ms. Sm\u{131}\u{307}th",
        "MS. SM\u{130}TH",
    ];
    for double in doubles {
        assert!(is_kept_out("Ms. Smith", double), "{double:?}");
        assert!(
            check(&name(double)).is_err() || is_kept_out(double, "Ms. Smith"),
            "{double:?}"
        );
    }
    for (one, other) in [
        ("Straße", "STRASSE"),
        ("Νίκος", "ΝΊΚΟΣ"),
        ("Тата", "тата"),
        ("Zoë", "ZOE\u{308}"),
        ("Ann 1", "Ann １"),
        ("Ms. Miller", "Ms. MiIIer"),
        ("Ms. Miller", "MS. MiI\u{406}er"),
        ("Ms. Al Wood", "ms. AI W\u{43E}od"),
    ] {
        assert!(is_kept_out(one, other) && is_kept_out(other, one), "{one} {other}");
    }
}

#[test]
fn real_classes_pass() {
    let classes: [&[&str]; 8] = [
        &[
            "Ann 1", "Ann 2", "Ann 11", "Ann", "Anna", "Anne", "Ann l", "Ian", "Lan", "Ida", "Lia",
        ],
        &[
            "Group 1 11",
            "Group 11 1",
            "Group 1 1 1",
            "Group 111",
            "A01",
            "AO1",
            "A0 1",
            "A10",
            "B01",
        ],
        &[
            "Müller", "Muller", "Mueller", "Zoë", "Zoe", "José", "Jose", "O'Brien", "O Brien", "Al", "Ali", "Alli",
        ],
        &[
            "Анна", "Инна", "Нина", "Вера", "Тата", "Саша", "Маша", "Міша", "Оля", "Юля", "Коля", "Толя",
        ],
        &[
            "王伟", "王芳", "李伟", "李娜", "张敏", "刘洋", "陈静", "杨静", "王一", "王二", "王十", "王土", "王士",
        ],
        &[
            "محمد",
            "أحمد",
            "فاطمة",
            "علی",
            "حسن",
            "حسين",
            "مريم",
            "عمر",
            "علی\u{200C}رضا",
        ],
        &["आरव", "विवान", "आदित्य", "अनन्या", "दिया", "ईशान", "क\u{94D}\u{200D}ष"],
        &[
            "👩\u{200D}🏫",
            "👨\u{200D}🏫",
            "👩\u{200D}🚀",
            "👍",
            "👍🏽",
            "❤\u{FE0F}",
            "1\u{FE0F}\u{20E3}",
            "가",
            "각",
            "さくら",
            "サクラ",
        ],
    ];
    for class in classes {
        for (index, one) in class.iter().enumerate() {
            assert_eq!(check(&name(one)), Ok(()), "{one}");
            for other in &class[..index] {
                assert!(!is_kept_out(other, one), "{one} beside {other}");
            }
        }
    }
}

#[test]
fn a_name_shows_something_and_leaves_its_surroundings_alone() {
    use InvalidText::*;
    let table = [
        ("\u{200B}", Invisible),
        ("\u{2800}", Invisible),
        ("\u{3164}", Invisible),
        ("\u{301}", Invisible),
        ("\u{AD}\u{2060} \u{FE0F}", Invisible),
        ("\u{115F}\u{1160}", Invisible),
        ("\u{FFA0}", Invisible),
        ("\u{1D159}", Invisible),
        ("\u{FFFC}", Invisible),
        ("\u{FFF9}", Invisible),
        ("a\u{202E}b", Directional),
        ("a\u{2066}b", Directional),
        ("a\u{61C}b", Directional),
        ("a\u{E0041}", NeverShown),
        ("a\u{FFFF}", NeverShown),
        ("a\u{FDD0}", NeverShown),
        ("a\u{1FFFE}", NeverShown),
    ];
    for (text, problem) in table {
        assert_eq!(check(&name(text)), Err(problem), "{text:?}");
    }
    for text in [".", "1", "é", "e\u{301}", "\u{F8FF}", "?"] {
        assert_eq!(check(&name(text)), Ok(()), "{text:?}");
    }
}

/// Joins a stage's room as somebody else of this name.
fn join(stage: &mut Stage, socket: u64, text: &str) -> Result<(), Reason> {
    let join = Join {
        socket: SocketKey(socket),
        address: address(),
        key: ClientKey::parse(&format!("secret of {socket}")).unwrap(),
        username: name(text),
        token: None,
        held: Vec::new(),
    };
    let outputs = stage.room.handle(Input::Join(join), stage.now, &mut stage.ids);
    let reply = outputs.effects.into_iter().find_map(|effect| match effect {
        Effect::Reply(reply) => Some(reply),
        _ => None,
    });
    match reply {
        Some(Reply::Entered(_)) => Ok(()),
        Some(Reply::Refused(refusal)) => Err(refusal.reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_name_that_another_resembles_is_told() {
    let mut stage = Stage::new();
    join(&mut stage, 1, "Ms. Smith").unwrap();
    let taken = join(&mut stage, 2, "Ms. Smith").unwrap_err();
    let (other, room) = (name("Ms. Smith"), stage.room.name.clone());
    let name_taken = Reason::NameTaken {
        name: other.clone(),
        room,
    };
    assert_eq!(taken, name_taken);
    let alike = join(&mut stage, 2, "ms.  smith").unwrap_err();
    let name_alike = Reason::NameAlike {
        name: name("ms.  smith"),
        other,
    };
    assert_eq!(alike, name_alike);
    assert_eq!(alike.kind().as_str(), "repeat");
    for (text, taken) in [("MS. SMITH", true), ("Mr. Smith", false)] {
        assert_eq!(stage.room.name_taken(&name(text)), taken);
    }
    let hidden = join(&mut stage, 2, "\u{200B}").unwrap_err();
    assert_eq!(hidden.kind().as_str(), "invalid");
}

#[test]
fn who_proves_the_same_secret_may_change_the_look_of_its_name() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann"]);
    stage.play_seen(&[
        (
            "2 join ANN/ann",
            "1 < error replaced join; 1 cut; 2 ack joined ANN of ANN",
        ),
        ("3 join Ann/other", "3 < error repeat join; 3 ack repeat"),
    ]);
}

#[test]
fn a_restored_room_with_two_alike_names_stays_as_it_is() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo"]);
    // As a server of before let them in.
    let alike = name("ANN\u{200E}");
    let participant = stage.room.members[1].participant;
    stage.room.members[1].username = alike.clone();
    stage.room.members[1].look = Look::of(&alike);
    let session = stage.room.session.as_mut().unwrap();
    session.participants.insert(alike, participant);
    stage.restart();
    stage.play_seen(&[
        ("3 resume bo", "3 ack resumed bo of ann ANN\u{200E}"),
        ("4 resume ann", "4 ack resumed ann of ann ANN\u{200E}; 3 < getOffer ann"),
        ("5 join Ann/other", "5 < error repeat join; 5 ack repeat"),
    ]);
}
