//! QR codes, as pictures within a page.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// What is before the element in a file of its own.
const PROLOGUE: &str = "<?xml version=\"1.0\" standalone=\"yes\"?>";

/// The text as an `svg` element of at least `size` pixels in width and height, black on white whatever is around it;
/// `None` if it is longer than any such code holds.
pub(crate) fn svg(text: &str, size: u32) -> Option<String> {
    // The least repair that there is, as nothing damages a fresh print: fewer and larger squares.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let file = code.render::<svg::Color<'_>>().min_dimensions(size, size).build();
    Some(file.strip_prefix(PROLOGUE).unwrap_or(&file).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_an_element_of_a_page() {
        let code = svg("https://class.example/?room=a#token=b", 160).unwrap();
        let document = roxmltree::Document::parse(&code).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "svg");
        let width: u32 = root.attribute("width").unwrap().parse().unwrap();
        assert!((160..320).contains(&width), "{width}");
        assert!(code.starts_with("<svg"), "{code}");
        assert_eq!(svg(&"x".repeat(3_000), 160), None);
    }
}
