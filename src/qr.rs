//! The picture of an address that phones read.

use fast_qr::{ECL, QRBuilder};

/// How many light modules are around the picture: ISO/IEC 18004 wants four.
const MARGIN: usize = 4;

/// A QR code: a square of modules, light or dark, with its margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QrCode {
    dark: Vec<Vec<bool>>,
}

impl QrCode {
    /// The picture of a text; `None` of one that is too long for any (about 2,900 bytes). It has the least repair that there
    /// is, as nothing damages a screen or a fresh print: fewer and larger squares.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
        let size = code.size + 2 * MARGIN;
        let mut dark = vec![vec![false; size]; size];
        for row in 0..code.size {
            for (column, module) in code[row].iter().enumerate() {
                dark[row + MARGIN][column + MARGIN] = module.value();
            }
        }
        Some(Self { dark })
    }

    /// How many modules it is wide and high.
    pub(crate) fn size(&self) -> usize {
        self.dark.len()
    }

    /// The dark modules as the path of an SVG, a unit for each.
    pub(crate) fn path(&self) -> String {
        let rows = self.dark.iter().enumerate();
        rows.flat_map(|(y, row)| {
            let columns = row.iter().enumerate().filter(|(_, is_dark)| **is_dark);
            columns.map(move |(x, _)| format!("M{x} {y}h1v1h-1z"))
        })
        .collect()
    }

    /// Two rows of modules in each line, each line ended. Light ones are drawn, so that it is right on a dark terminal; with
    /// colours (ANSI) it is on every terminal.
    pub(crate) fn lines(&self, has_colours: bool) -> String {
        let (before, after) = if has_colours {
            ("\x1b[97;40m", "\x1b[0m")
        } else {
            ("", "")
        };
        let pairs = self.dark.chunks(2);
        pairs
            .map(|pair| {
                let (upper, lower) = (&pair[0], pair.get(1));
                let modules = upper.iter().enumerate();
                let line: String = modules
                    .map(|(x, upper)| block(!upper, lower.is_some_and(|lower| !lower[x])))
                    .collect();
                format!("{before}{line}{after}\n")
            })
            .collect()
    }
}

fn block(is_upper_drawn: bool, is_lower_drawn: bool) -> char {
    match (is_upper_drawn, is_lower_drawn) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three squares in its corners, by which a phone finds it.
    #[test]
    fn a_code_has_its_corners_within_a_light_margin() {
        let code = QrCode::of("https://192.0.2.7:3000/").unwrap();
        let size = code.size();
        let finder = |x: usize, y: usize| {
            (0..7).all(|at| code.dark[y][x + at] && code.dark[y + 6][x + at])
                && (1..6).all(|at| !code.dark[y + 1][x + at])
        };
        assert!(finder(4, 4) && finder(size - 11, 4) && finder(4, size - 11));
        assert!((0..size).all(|at| (0..4).all(|edge| !code.dark[edge][at] && !code.dark[at][size - 1 - edge])));
        assert!(QrCode::of(&"x".repeat(4000)).is_none());
    }

    #[test]
    fn a_page_and_a_terminal_show_the_same_modules() {
        let code = QrCode::of("https://192.0.2.7:3000/").unwrap();
        let dark = code.dark.iter().flatten().filter(|is_dark| **is_dark).count();
        assert_eq!(code.path().matches('M').count(), dark);
        let light: usize = code
            .lines(false)
            .chars()
            .map(|block| match block {
                '█' => 2,
                '▀' | '▄' => 1,
                _ => 0,
            })
            .sum();
        assert_eq!(light + dark, code.size() * code.size());
        assert!(
            code.lines(true)
                .lines()
                .all(|line| line.starts_with("\x1b[97;40m") && line.ends_with("\x1b[0m"))
        );
    }
}
