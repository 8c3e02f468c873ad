//! Words, and when the words of a rule are found in a text. Deterministic: no model, no locale, no clock.
//!
//! Both texts are folded alike: compatibility forms become plain ones (`ｓｕｄｏ` is `sudo`), invisible
//! characters and Latin accents go, letters become lower case. Words are runs of letters and digits;
//! English endings are cut so that `file`, `files` and `filing` are one word.
//! Scripts written without spaces (Chinese, Japanese, Thai ...) have no words to cut: there a run of
//! letters is found wherever it stands in the text.

use std::collections::BTreeSet;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Words that say nothing about what is done. Negations (`not`, `without`, `except`) are deliberately
/// absent: a rule that needs one matches only a text that has it.
const STOP_WORDS: &[&str] = &[
    "a",
    "all",
    "an",
    "and",
    "any",
    "anything",
    "are",
    "as",
    "at",
    "be",
    "by",
    "can",
    "could",
    "do",
    "does",
    "every",
    "everything",
    "for",
    "from",
    "has",
    "have",
    "i",
    "in",
    "into",
    "is",
    "it",
    "its",
    "may",
    "me",
    "my",
    "of",
    "on",
    "onto",
    "or",
    "our",
    "please",
    "shall",
    "should",
    "some",
    "that",
    "the",
    "their",
    "them",
    "then",
    "these",
    "this",
    "those",
    "to",
    "up",
    "use",
    "used",
    "uses",
    "using",
    "via",
    "we",
    "will",
    "with",
    "would",
    "you",
    "your",
];

/// A text prepared for being searched.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// Folded, every run of blanks one space.
    folded: Vec<char>,
    /// The stems of its words.
    stems: BTreeSet<String>,
}

impl Text {
    pub(super) fn of(text: &str) -> Self {
        let folded = fold(text);
        let stems = words(&folded).map(|word| stem(&word)).collect();
        Self {
            folded: folded.chars().collect(),
            stems,
        }
    }

    fn has_phrase(&self, phrase: &[char]) -> bool {
        let spaced = |c: &char| is_word_char(*c) && !is_unspaced(*c);
        self.folded.windows(phrase.len()).enumerate().any(|(at, window)| {
            // A phrase starts and ends where words do, else `"rm -rf"` would be found in `form -rfc`.
            let cut_before = at > 0 && spaced(&self.folded[at - 1]) && spaced(&phrase[0]);
            let after = self.folded.get(at + phrase.len());
            let cut_after = after.is_some_and(spaced) && phrase.last().is_some_and(spaced);
            window == phrase && !cut_before && !cut_after
        })
    }
}

/// What a rule's text looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Everything: `*`, `everything` or `anything` alone.
    Everything,
    /// All of these together.
    All {
        /// Stems of words.
        stems: BTreeSet<String>,
        /// The words as they were written, folded, for the explanation.
        written: Vec<String>,
        /// Quoted phrases, folded, and words of scripts without spaces: they must occur literally.
        phrases: Vec<Vec<char>>,
    },
}

impl Pattern {
    /// What the rule's text looks for; `None` if there is nothing to look for.
    pub(super) fn of(text: &str) -> Option<Self> {
        let bare = fold(text);
        if matches!(bare.as_str(), "*" | "everything" | "anything") {
            return Some(Self::Everything);
        }
        let (plain, quoted) = split_quotes(text);
        let mut phrases: Vec<Vec<char>> = quoted
            .iter()
            .map(|phrase| fold(phrase).chars().collect())
            .filter(|p: &Vec<_>| !p.is_empty())
            .collect();
        let (unspaced, spaced): (Vec<String>, Vec<String>) =
            words(&fold(&plain)).partition(|word| word.chars().any(is_unspaced));
        phrases.extend(unspaced.iter().map(|word| word.chars().collect()));
        let significant = |word: &String| !STOP_WORDS.contains(&word.as_str());
        let (mut written, small): (Vec<String>, Vec<String>) = spaced.into_iter().partition(significant);
        if written.is_empty() && phrases.is_empty() {
            // `DENY: use it` has nothing but small words: then those are what it is about.
            written = small;
        }
        let stems = written.iter().map(|word| stem(word)).collect();
        let found = !written.is_empty() || !phrases.is_empty();
        found.then_some(Self::All {
            stems,
            written,
            phrases,
        })
    }

    pub(super) fn matches(&self, text: &Text) -> bool {
        match self {
            Self::Everything => true,
            Self::All { stems, phrases, .. } => {
                stems.is_subset(&text.stems) && phrases.iter().all(|phrase| text.has_phrase(phrase))
            }
        }
    }

    /// What was looked for and found, for the explanation.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Everything => "it matches everything".to_owned(),
            Self::All { written, phrases, .. } => {
                let phrases = phrases.iter().map(|phrase| phrase.iter().collect());
                let found: Vec<String> = written.iter().cloned().chain(phrases).collect();
                format!("the text has \"{}\"", found.join("\", \""))
            }
        }
    }
}

/// Takes the parts between double quotes out of a text. A quote without its partner is ordinary text.
fn split_quotes(text: &str) -> (String, Vec<String>) {
    let parts: Vec<&str> = text.split(['"', '\u{201c}', '\u{201d}', '\u{201e}']).collect();
    let mut plain = String::new();
    let mut quoted = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index % 2 == 1 && index + 1 < parts.len() {
            quoted.push((*part).to_owned());
        } else {
            plain.push_str(part);
        }
        plain.push(' ');
    }
    (plain, quoted)
}

fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text
        .nfkd()
        .filter(|c| !is_dropped(*c))
        .flat_map(char::to_lowercase)
    {
        // Lower-casing can bring a combining dot (`İ`); it goes like every other accent.
        if c.is_whitespace() {
            if !folded.is_empty() && !folded.ends_with(' ') {
                folded.push(' ');
            }
        } else if !is_dropped(c) {
            folded.push(c);
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Latin accents, and characters nobody sees: soft hyphen, zero-width ones, direction marks, tags.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Letters of scripts that are written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Words of a folded text; a change between a script with and one without spaces ends a word.
fn words(folded: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside: Option<bool> = None;
    // `user's` is `user`, `don't` is `dont`: an apostrophe within a word is not its end.
    let folded = folded
        .replace("'s ", " ")
        .replace("\u{2019}s ", " ")
        .replace(['\'', '\u{2019}'], "");
    for c in folded.chars() {
        let sort = is_word_char(c).then(|| is_unspaced(c));
        if let Some(word) = words.last_mut().filter(|_| sort.is_some() && sort == inside) {
            word.push(c);
        } else if sort.is_some() {
            words.push(c.to_string());
        }
        inside = sort;
    }
    words.into_iter()
}

/// Cuts English endings: plural `s`, `es`, `ies`; `ing` and `ed` with the doubled letter before them;
/// a final `e`. Not linguistics: what matters is that the forms of one word meet.
fn stem(word: &str) -> String {
    if !word.is_ascii() || word.len() < 4 || word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word.to_owned();
    }
    let singular = singular(word);
    let base = ["ing", "ed"]
        .iter()
        .filter_map(|ending| singular.strip_suffix(ending))
        .find(|base| base.len() >= 3 && base.contains(['a', 'e', 'i', 'o', 'u', 'y']))
        .map_or(singular.as_str(), undouble);
    let base = if base.len() >= 3 {
        base.strip_suffix('e').unwrap_or(base)
    } else {
        base
    };
    // `copy`, `copies` and `copied` meet at `copi`.
    match base.strip_suffix('y') {
        Some(rest) if rest.len() >= 2 && !rest.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{rest}i"),
        _ => base.to_owned(),
    }
}

fn singular(word: &str) -> String {
    if let Some(base) = word.strip_suffix("ies").filter(|base| base.len() >= 2) {
        return format!("{base}y");
    }
    let hissing = ["ss", "sh", "ch", "x", "z"];
    if let Some(base) = word
        .strip_suffix("es")
        .filter(|base| hissing.iter().any(|h| base.ends_with(h)))
    {
        return base.to_owned();
    }
    let keeps_s = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    if keeps_s {
        word.to_owned()
    } else {
        word.strip_suffix('s').unwrap_or(word).to_owned()
    }
}

/// `runn` is `run`, but `sell` and `pass` stay.
fn undouble(base: &str) -> &str {
    let bytes = base.as_bytes();
    match bytes {
        [.., a, b] if a == b && !b"aeioulsz".contains(b) => &base[..base.len() - 1],
        _ => base,
    }
}
