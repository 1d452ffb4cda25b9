//! Names of people and of courses.

/// How many people there are.
pub(super) const PEOPLE: usize = FIRST.len() * BEGINNINGS.len() * ENDINGS.len();

/// A teacher for each of so many courses.
const TEACHERS: usize = 60;

const FIRST: [&str; 50] = [
    "Ada", "Aiko", "Ali", "Ana", "Ann", "Anton", "Bea", "Ben", "Bo", "Carla", "Cem", "Chen", "Cleo", "Cy", "Dana",
    "David", "Di", "Elif", "Emil", "Eva", "Farid", "Fatma", "Finn", "Georg", "Hana", "Hugo", "Ida", "Ines", "Ivan",
    "Jan", "Jia", "Jonas", "José", "Karim", "Kim", "Lea", "Li", "Lin", "Malik", "Mia", "Noor", "Olga", "Omar", "Paul",
    "Rosa", "Sara", "Tom", "Wei", "Yara", "Zoë",
];
const BEGINNINGS: [&str; 20] = [
    "Al", "Ber", "Bran", "Cor", "Dal", "El", "Fer", "Gar", "Hol", "Jan", "Kal", "Lan", "Mar", "Nor", "Or", "Pet",
    "Ros", "San", "Tor", "Wal",
];
const ENDINGS: [&str; 20] = [
    "ante", "berg", "den", "dini", "es", "feld", "ić", "kov", "lund", "man", "mann", "mond", "oğlu", "os", "sen",
    "ska", "son", "stad", "ton", "ya",
];
const SUBJECTS: [&str; 20] = [
    "web development",
    "JavaScript",
    "networks",
    "video rooms",
    "数学",
    "español",
    "physics",
    "chemistry",
    "history",
    "design",
    "databases",
    "Rust",
    "statistics",
    "français",
    "biology",
    "music",
    "geometry",
    "writing",
    "robotics",
    "economics",
];

/// The name of one of the [`PEOPLE`].
pub(super) fn person(number: usize) -> String {
    let (number, first) = (number / FIRST.len(), number % FIRST.len());
    let (ending, beginning) = (number / BEGINNINGS.len(), number % BEGINNINGS.len());
    format!(
        "{} {}{}",
        FIRST[first],
        BEGINNINGS[beginning],
        ENDINGS[ending % ENDINGS.len()]
    )
}

/// Whoever teaches a course.
pub(super) fn teacher(course: usize) -> String {
    format!("Prof. {}", person(course % TEACHERS * 331))
}

/// A course's room in one term.
pub(super) fn room(course: usize, term: usize) -> String {
    let subject = SUBJECTS[course % SUBJECTS.len()];
    format!("{subject} {} / term {}", course / SUBJECTS.len() + 1, term + 1)
}
