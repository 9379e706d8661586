//! Every text that strangers read, in English and German.

use axum::http::{HeaderMap, header};
use model::Timestamp;

/// The texts of one language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) language: &'static str,
    pub(crate) nothing_here_title: &'static str,
    pub(crate) nothing_here: &'static str,
    pub(crate) not_done: &'static str,
    pub(crate) back: &'static str,
    pub(crate) from_elsewhere: &'static str,
    pub(crate) unreadable: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) too_large: &'static str,
    pub(crate) no_room: &'static str,
    pub(crate) too_slow: &'static str,
    pub(crate) broken: &'static str,
    pub(crate) password_title: &'static str,
    pub(crate) password_wanted: &'static str,
    pub(crate) password: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) password_wrong: &'static str,
    pub(crate) password_often: &'static str,
    pub(crate) way: &'static str,
    pub(crate) download: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) next: &'static str,
    pub(crate) ends: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) upload_title: &'static str,
    pub(crate) upload_help: &'static str,
    pub(crate) files: &'static str,
    pub(crate) send: &'static str,
    pub(crate) sent_title: &'static str,
    pub(crate) sent: &'static str,
    pub(crate) not_sent: &'static str,
    pub(crate) nothing_chosen: &'static str,
    pub(crate) send_more: &'static str,
    decimal: char,
}

static ENGLISH: Texts = Texts {
    language: "en",
    nothing_here_title: "There is nothing here",
    nothing_here: "This link does not lead anywhere. It may have ended, or its address is not complete. Ask whoever gave it to you.",
    not_done: "This did not work",
    back: "Back",
    from_elsewhere: "Another site has sent this. Open the link itself and try again.",
    unreadable: "The server could not read what was sent.",
    busy: "Too much is going on at once. Try again in a moment.",
    too_large: "This is larger than the server takes.",
    no_room: "There is no room for this any more.",
    too_slow: "It stopped coming, or came too slowly.",
    broken: "The server failed to do this. Try again later.",
    password_title: "Password",
    password_wanted: "Whoever gave you this link has protected it with a password.",
    password: "Password",
    go_on: "Continue",
    password_wrong: "That is not the password.",
    password_often: "There were too many attempts. Wait a while and try again.",
    way: "Where you are",
    download: "Download",
    empty: "This folder is empty.",
    next: "Next page",
    ends: "This link ends on",
    changed: "Changed on",
    upload_title: "Send files",
    upload_help: "What you send here goes to whoever gave you this link. You cannot see or change what is there.",
    files: "Files",
    send: "Send",
    sent_title: "Sent",
    sent: "These files have arrived:",
    not_sent: "Not all files were taken:",
    nothing_chosen: "No file was chosen.",
    send_more: "Send more",
    decimal: '.',
};

static GERMAN: Texts = Texts {
    language: "de",
    nothing_here_title: "Hier ist nichts",
    nothing_here: "Dieser Link führt nirgendwohin. Vielleicht ist er abgelaufen, oder die Adresse ist unvollständig. Fragen Sie die Person, die ihn Ihnen gegeben hat.",
    not_done: "Das hat nicht geklappt",
    back: "Zurück",
    from_elsewhere: "Das hat eine andere Seite geschickt. Öffnen Sie den Link selbst und versuchen Sie es noch einmal.",
    unreadable: "Der Server konnte nicht lesen, was geschickt wurde.",
    busy: "Gerade ist zu viel auf einmal los. Versuchen Sie es gleich noch einmal.",
    too_large: "Das ist größer, als der Server annimmt.",
    no_room: "Dafür ist kein Platz mehr.",
    too_slow: "Es kam nichts mehr an, oder zu langsam.",
    broken: "Der Server konnte das nicht tun. Versuchen Sie es später noch einmal.",
    password_title: "Passwort",
    password_wanted: "Wer Ihnen diesen Link gegeben hat, hat ihn mit einem Passwort geschützt.",
    password: "Passwort",
    go_on: "Weiter",
    password_wrong: "Das ist nicht das Passwort.",
    password_often: "Es waren zu viele Versuche. Warten Sie eine Weile und versuchen Sie es noch einmal.",
    way: "Wo Sie sind",
    download: "Herunterladen",
    empty: "Dieser Ordner ist leer.",
    next: "Nächste Seite",
    ends: "Dieser Link endet am",
    changed: "Geändert am",
    upload_title: "Dateien schicken",
    upload_help: "Was Sie hier schicken, bekommt die Person, die Ihnen diesen Link gegeben hat. Was schon da ist, können Sie weder sehen noch ändern.",
    files: "Dateien",
    send: "Schicken",
    sent_title: "Geschickt",
    sent: "Diese Dateien sind angekommen:",
    not_sent: "Nicht alle Dateien wurden angenommen:",
    nothing_chosen: "Es wurde keine Datei ausgewählt.",
    send_more: "Weitere schicken",
    decimal: ',',
};

/// The language of the two that a browser likes better.
pub(crate) fn of(headers: &HeaderMap) -> &'static Texts {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut best: (f32, &'static Texts) = (0.0, &ENGLISH);
    for one in accepted.split(',').take(32) {
        let (tag, weight) = one.split_once(';').unwrap_or((one, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let texts = match tag.trim().split('-').next().unwrap_or_default() {
            language if language.eq_ignore_ascii_case("de") => &GERMAN,
            language if language.eq_ignore_ascii_case("en") => &ENGLISH,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, texts);
        }
    }
    best.1
}

impl Texts {
    /// So many bytes, as people say it.
    pub(crate) fn size(&self, bytes: u64) -> String {
        let units = ["B", "KB", "MB", "GB", "TB", "PB"];
        let (mut value, mut unit) = (bytes as f64, 0);
        while value >= 1000.0 && unit + 1 < units.len() {
            value /= 1000.0;
            unit += 1;
        }
        let number = if unit == 0 || value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") };
        format!("{}\u{a0}{}", number.replace('.', &self.decimal.to_string()), units[unit])
    }

    /// A day (in UTC).
    pub(crate) fn day(&self, moment: Timestamp) -> String {
        let (year, month, day) = moment.date();
        match self.language {
            "de" => format!("{day:02}.{month:02}.{year}"),
            _ => format!("{year:04}-{month:02}-{day:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn chosen(accepted: &'static str) -> &'static str {
        of(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))])).language
    }

    #[test]
    fn a_browser_gets_the_language_it_likes_better() {
        assert_eq!(
            ["", "fr", "de", "de-AT,en;q=0.9", "en-GB,de;q=0.9"].map(chosen),
            ["en", "en", "de", "de", "en"]
        );
        assert_eq!(["en;q=0.2, de;q=0.3", "de;q=0, en", "de;q=x"].map(chosen), ["de", "en", "en"]);
    }

    #[test]
    fn sizes_and_days_are_said_as_people_say_them() {
        assert_eq!(ENGLISH.size(999), "999\u{a0}B");
        assert_eq!(GERMAN.size(1_500_000), "1,5\u{a0}MB");
        assert_eq!(ENGLISH.size(u64::MAX), "18447\u{a0}PB");
        let moment = Timestamp::from_parts(1_763_769_600, 0);
        assert_eq!(
            (ENGLISH.day(moment), GERMAN.day(moment)),
            ("2025-11-22".to_owned(), "22.11.2025".to_owned())
        );
    }
}
