//! Splits a line of the tests' languages into words; a word in double quotes may hold anything.

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) quoted: bool,
}

impl Word {
    /// Whether it is this very word, not in quotes.
    pub(crate) fn is(&self, text: &str) -> bool {
        !self.quoted && self.text == text
    }
}

/// The words of a line, without what follows a `#`.
pub(crate) fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next().filter(|first| *first != '#') {
        if first == '"' {
            let (text, after) = quoted(&rest[1..])?;
            if !after.is_empty() && !after.starts_with(char::is_whitespace) {
                return Err(format!("a space is missing before `{after}`"));
            }
            words.push(Word { text, quoted: true });
            rest = after.trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push(Word { text: rest[..end].to_owned(), quoted: false });
            rest = rest[end..].trim_start();
        }
    }
    Ok(words)
}

/// What stands up to the closing quote, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((at, 'u')) => {
                    let code = text[at + 1..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
                    let code = code.ok_or("`\\u` needs a number in braces")?.0;
                    let number = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
                    value.push(number.ok_or_else(|| format!("`{code}` is no character's number"))?);
                    characters.by_ref().take(code.chars().count() + 2).for_each(drop);
                }
                _ => return Err("a backslash needs one of n, \", \\, u{...} after it".to_owned()),
            },
            _ => value.push(character),
        }
    }
    Err("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_are_understood_and_mistakes_named() {
        let texts = |line| words(line).unwrap().into_iter().map(|word| word.text).collect::<Vec<_>>();
        assert_eq!(texts(r#"  a "b c" "\u{e9}\"\n" # rest"#), ["a", "b c", "\u{e9}\"\n"]);
        for bad in [r#""open"#, r#""a"b"#, r#""\x""#, r#""\u{zz}""#, r#""\u12""#] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }
}
