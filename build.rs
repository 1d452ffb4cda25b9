//! What the build makes of files that are no Rust.
//!
//! Embedding a migration is a fact of the build that cargo cannot see by itself. And of the files in `languages/` it makes
//! types: an enum of the languages, and, so that what is said in the code is there in every one of them, a struct for each
//! message of the first language with a field for each of its arguments. A message that nobody uses is dead code, one that
//! another language lacks ends the build.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Variant, VariantKey};
use fluent_syntax::parser;

/// The language that all others are held against.
const FIRST: &str = "languages/en-GB.ftl";

/// The arguments of a message: whether each is a number.
type Arguments = BTreeMap<String, bool>;

/// The messages of a language.
type Messages = BTreeMap<String, Arguments>;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=languages");
    let first = messages(Path::new(FIRST));
    let files = fs::read_dir("languages").expect("languages/ is there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("languages/ can be read").path()).collect();
    // The first is the default; the others are offered in the order of their tags.
    files.sort_by_key(|path| (path != Path::new(FIRST), path.clone()));
    let faults: Vec<String> = files.iter().flat_map(|path| faults(path, &first)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let tags: Vec<String> = files.iter().map(|path| tag(path)).collect();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where to write"));
    let written = |name, code: String| fs::write(out.join(name), code).expect("cargo's own folder can be written to");
    written("messages.rs", types(&first));
    written("language.rs", languages(&tags));
}

/// The tag (BCP 47) that a file is named by.
fn tag(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let tag = name.strip_suffix(".ftl").unwrap_or_default();
    let is_tag = tag.starts_with(|c: char| c.is_ascii_lowercase())
        && tag
            .split('-')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
    assert!(
        is_tag,
        "languages/{name}: a file is named by the language's tag, such as de-DE.ftl"
    );
    tag.to_owned()
}

/// An enum of the languages, by their tags: `en-GB` is `EnGb`.
fn languages(tags: &[String]) -> String {
    let variant = |tag: &String| -> String {
        let parts = tag.split('-');
        parts
            .map(|part| part[..1].to_uppercase() + &part[1..].to_lowercase())
            .collect()
    };
    let arms = |value: &dyn Fn(&String) -> String| -> String {
        let arms = tags
            .iter()
            .map(|tag| format!("Self::{} => {},", variant(tag), value(tag)));
        arms.collect()
    };
    let variants = tags.iter().enumerate().map(|(i, tag)| {
        let default = if i == 0 { "#[default] " } else { "" };
        format!("/// `{tag}`\n{default}{},", variant(tag))
    });
    let all = tags.iter().map(|tag| format!("Self::{},", variant(tag)));
    let file = |tag: &String| format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/languages/{tag}.ftl\"))");
    format!(
        "/// A language of the sentences for people. The default is what the history and the API are kept in.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]\n\
         pub enum Language {{ {} }}\n\
         impl Language {{\n\
         /// All of them, in the order in which they are offered.\n\
         pub const ALL: [Self; {}] = [{}];\n\
         /// Its tag (BCP 47), of the country whose dates and numbers it is written with.\n\
         pub fn tag(self) -> &'static str {{ match self {{ {} }} }}\n\
         /// Its messages, as they are in the binary.\n\
         pub(crate) fn messages(self) -> &'static str {{ match self {{ {} }} }}\n\
         }}\n",
        variants.collect::<String>(),
        tags.len(),
        all.collect::<String>(),
        arms(&|tag| format!("{tag:?}")),
        arms(&file),
    )
}

fn messages(path: &Path) -> Messages {
    let file = path.display();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let resource = parser::parse(text).unwrap_or_else(|(_, errors)| panic!("{file}: {errors:?}"));
    let mut messages = Messages::new();
    for entry in resource.body {
        if let Entry::Message(message) = entry {
            let name = message.id.name;
            let value = message.value.unwrap_or_else(|| panic!("{file}: {name} says nothing"));
            let mut arguments = Arguments::new();
            in_pattern(&value, &mut arguments);
            let earlier = messages.insert(name.clone(), arguments);
            assert!(earlier.is_none(), "{file}: {name} is there twice");
        }
    }
    messages
}

/// What a language has too little or too much. It need not say all that a message is told: there may be no plural, or none
/// of the words that one argument chooses among.
fn faults(path: &Path, first: &Messages) -> Vec<String> {
    let (file, own) = (path.display(), messages(path));
    let lacking = first.keys().filter(|name| !own.contains_key(*name));
    let mut faults: Vec<String> = lacking.map(|name| format!("{file}: {name} is missing")).collect();
    for (name, arguments) in &own {
        let Some(known) = first.get(name) else {
            faults.push(format!("{file}: {name} is no message of {FIRST}"));
            continue;
        };
        let unknown = arguments.keys().filter(|argument| !known.contains_key(*argument));
        faults.extend(unknown.map(|argument| format!("{file}: {name} is not told ${argument}")));
    }
    faults
}

fn in_pattern(pattern: &Pattern<String>, arguments: &mut Arguments) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            in_expression(expression, arguments);
        }
    }
}

fn in_expression(expression: &Expression<String>, arguments: &mut Arguments) {
    match expression {
        Expression::Inline(inline) => in_inline(inline, false, arguments),
        Expression::Select { selector, variants } => {
            in_inline(selector, variants.iter().any(chooses_by_number), arguments);
            variants
                .iter()
                .for_each(|variant| in_pattern(&variant.value, arguments));
        }
    }
}

fn in_inline(inline: &InlineExpression<String>, is_number: bool, arguments: &mut Arguments) {
    match inline {
        InlineExpression::VariableReference { id } => {
            *arguments.entry(id.name.clone()).or_default() |= is_number;
        }
        InlineExpression::FunctionReference { id, arguments: told } => {
            for inline in &told.positional {
                in_inline(inline, id.name == "NUMBER", arguments);
            }
        }
        InlineExpression::Placeable { expression } => in_expression(expression, arguments),
        InlineExpression::StringLiteral { .. }
        | InlineExpression::NumberLiteral { .. }
        | InlineExpression::MessageReference { .. }
        | InlineExpression::TermReference { .. } => {}
    }
}

fn chooses_by_number(variant: &Variant<String>) -> bool {
    match &variant.key {
        VariantKey::NumberLiteral { .. } => true,
        VariantKey::Identifier { name } => ["zero", "one", "two", "few", "many"].contains(&name.as_str()),
    }
}

fn types(messages: &Messages) -> String {
    let mut code = String::new();
    for (id, arguments) in messages {
        put_type(&mut code, id, arguments).expect("writing to a string does not fail");
    }
    let names = messages.iter().map(|(id, arguments)| {
        format!(
            "({id:?}, &{arguments:?})",
            arguments = arguments.iter().collect::<Vec<_>>()
        )
    });
    let names: Vec<String> = names.collect();
    code + &format!(
        "/// All messages, and whether each of their arguments is a number.\n\
         #[cfg(test)]\npub(crate) static ALL: [(&str, &[(&str, bool)]); {}] = [{}];\n",
        names.len(),
        names.join(", ")
    )
}

fn put_type(code: &mut String, id: &str, arguments: &Arguments) -> std::fmt::Result {
    let words = id.split('-');
    let name: String = words.map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let lifetime = |name| {
        if arguments.values().all(|is_number| *is_number) {
            ""
        } else {
            name
        }
    };
    writeln!(code, "/// `{id}`\npub(crate) struct {name}{}", lifetime("<'a>"))?;
    if arguments.is_empty() {
        writeln!(code, ";")?;
    } else {
        writeln!(code, "{{")?;
        for (argument, is_number) in arguments {
            let kind = if *is_number { "i64" } else { "&'a str" };
            writeln!(code, "    pub(crate) {argument}: {kind},")?;
        }
        writeln!(code, "}}")?;
    }
    writeln!(code, "impl Message for {name}{} {{", lifetime("<'_>"))?;
    writeln!(code, "    const ID: &'static str = {id:?};")?;
    writeln!(code, "    fn arguments(&self) -> FluentArgs<'_> {{")?;
    let arguments = arguments.keys().map(|name| format!("({name:?}, self.{name}.into())"));
    writeln!(
        code,
        "        FluentArgs::from_iter([{}] as [(&str, FluentValue<'_>); _])",
        arguments.collect::<Vec<_>>().join(", ")
    )?;
    writeln!(code, "    }}\n}}")
}
