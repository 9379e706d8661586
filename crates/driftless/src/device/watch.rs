//! `driftless status --watch`: how everything is, again and again, until the person has seen enough.
//!
//! What is shown is decided in `screen` and `speeds`, which know no terminal and no clock.

mod screen;
mod speeds;

use super::{ask, show::status_and_running};
use anyhow::{Context as _, bail};
use client::Home;
use client::control::{ControlAnswer, ControlRequest, DaemonStatus, LogLine};
use crossterm::event::{Event, KeyCode, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, event, execute, queue};
use screen::{Line, Style, lines};
use serde::Serialize;
use speeds::{Speeds, TransferSpeed};
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// How many recent changes are asked for; as many as fit are shown.
const RECENT: usize = 100;

/// How everything is at a moment, with what only repeated looks can tell.
#[derive(Debug, Clone, Serialize)]
struct Seen {
    #[serde(flatten)]
    status: DaemonStatus,
    /// Transfers under way, with speed and time left.
    speeds: Vec<TransferSpeed>,
    /// Plain bytes a second sent and received in all.
    sent_bytes_per_second: u64,
    received_bytes_per_second: u64,
    /// What was done last, newest first.
    recent: Vec<LogLine>,
}

pub(super) async fn watch(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        return stream(home).await;
    }
    if !std::io::stdout().is_terminal() {
        bail!("--watch needs a terminal; for a program to read, add --json");
    }
    let terminal = Terminal::enter()?;
    let result = live(home).await;
    drop(terminal);
    result
}

/// One JSON document a line, whenever something is otherwise than before.
async fn stream(home: &Home) -> anyhow::Result<ExitCode> {
    let (mut watcher, mut last) = (Watcher::new(), String::new());
    loop {
        let text = serde_json::to_string(&watcher.look(home).await?)?;
        if text != last {
            if writeln!(std::io::stdout(), "{text}").is_err() {
                return Ok(ExitCode::SUCCESS);
            }
            last = text;
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = crate::asked_to_stop() => return Ok(ExitCode::SUCCESS),
        }
    }
}

async fn live(home: &Home) -> anyhow::Result<ExitCode> {
    let mut watcher = Watcher::new();
    loop {
        let seen = watcher.look(home).await?;
        let (width, height) = terminal::size().context("the terminal's size is not known")?;
        draw(&lines(&seen, usize::from(width), usize::from(height)))?;
        if enough(INTERVAL).await? {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Waits for a while, or for less if a key asks to end or the terminal has another size.
async fn enough(patience: Duration) -> anyhow::Result<bool> {
    let looked = tokio::task::spawn_blocking(move || -> std::io::Result<bool> {
        let until = Instant::now() + patience;
        while event::poll(until.saturating_duration_since(Instant::now()))? {
            match event::read()? {
                Event::Resize(..) => return Ok(false),
                Event::Key(key) => {
                    let interrupted =
                        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                    if interrupted || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                        return Ok(true);
                    }
                }
                _ => {}
            }
        }
        Ok(false)
    });
    Ok(looked.await??)
}

struct Watcher {
    begun: Instant,
    speeds: Speeds,
}

impl Watcher {
    fn new() -> Self {
        Self { begun: Instant::now(), speeds: Speeds::default() }
    }

    async fn look(&mut self, home: &Home) -> anyhow::Result<Seen> {
        let (status, running) = status_and_running(home).await?;
        let recent = match running {
            true => {
                match ask(home, &ControlRequest::Log { path: None, conflicts: false, limit: RECENT }).await? {
                    ControlAnswer::Log(lines) => lines,
                    _ => bail!("the daemon's answer is not understood"),
                }
            }
            false => Vec::new(),
        };
        let elapsed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.speeds.sample(elapsed, &status);
        let (sent, received) = self.speeds.totals();
        Ok(Seen {
            speeds: self.speeds.transfers(&status),
            sent_bytes_per_second: sent,
            received_bytes_per_second: received,
            status,
            recent,
        })
    }
}

/// The terminal's other screen, without echo; left again when dropped.
struct Terminal;

impl Terminal {
    fn enter() -> anyhow::Result<Self> {
        terminal::enable_raw_mode().context("the terminal cannot be used")?;
        let terminal = Self;
        execute!(std::io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(terminal)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Whatever fails here, the rest is tried.
        let _ = execute!(std::io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

fn draw(lines: &[Line]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let colours = std::env::var_os("NO_COLOR").is_none();
    queue!(out, terminal::BeginSynchronizedUpdate)?;
    for (row, line) in (0_u16..).zip(lines) {
        queue!(out, cursor::MoveTo(0, row))?;
        match line.style {
            Style::Plain => {}
            Style::Title => queue!(out, SetAttribute(Attribute::Bold))?,
            Style::Faint => queue!(out, SetAttribute(Attribute::Dim))?,
            Style::Warning if colours => queue!(out, SetForegroundColor(Color::Yellow))?,
            Style::Warning => queue!(out, SetAttribute(Attribute::Bold))?,
        }
        queue!(
            out,
            Print(&line.text),
            SetAttribute(Attribute::Reset),
            ResetColor,
            Clear(ClearType::UntilNewLine)
        )?;
    }
    let below = cursor::MoveTo(0, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    queue!(out, below, Clear(ClearType::FromCursorDown), terminal::EndSynchronizedUpdate)?;
    out.flush()?;
    Ok(())
}
