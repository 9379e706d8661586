//! What can be typed.

mod keeping;

pub(crate) use keeping::{BackupCommand, CollectArguments};

use crate::settings::{ClientSettings, ServerSettings};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use client::control::HoldDeletes;
use confique::Config;
use protocol::Fingerprint;
use protocol::admin::Rate;
use protocol::v1::WireNetwork;
use std::path::PathBuf;

/// Driftless keeps files the same everywhere, and never loses one.
#[derive(Debug, Parser)]
#[command(name = "driftless", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the main job: a server, two linked devices, a folder in step between them; keeps nothing
    #[command(after_help = "Example: driftless demo")]
    Demo(DemoArguments),
    /// Runs the server in the foreground
    #[command(after_help = "Example: driftless serve --data /srv/driftless --listen 0.0.0.0:7440")]
    Serve(Box<ServeArguments>),
    /// Administers the server of this machine: users, groups, folders, devices
    Admin(AdminArguments),
    /// Looks at everything a server or a device needs, and says what is wrong and what to do about it
    #[command(
        after_help = "What is named by --data or --home is looked at; if nothing is named, what there is.\nExit status: 0, also with warnings; 1 if something is bad.\n\nExample: driftless doctor --data /srv/driftless"
    )]
    Doctor(DoctorArguments),
    #[command(flatten)]
    Device(DeviceCommand),
    /// Shows the settings in force and where each came from
    #[command(subcommand, after_help = "Example: driftless config show server --data /srv/driftless")]
    Config(ConfigCommand),
    /// Keeps the server or the client running as a service of systemd
    #[command(subcommand, after_help = "Example: driftless service install client")]
    Service(ServiceCommand),
    /// Prints what completes commands in a shell
    #[command(
        after_help = "Example: driftless completions bash > ~/.local/share/bash-completion/completions/driftless"
    )]
    Completions { shell: clap_complete::Shell },
    /// Decodes one file for a preview: what the server runs, locked in
    #[command(hide = true)]
    Decode {
        /// Also where the machine has no Landlock
        #[arg(long)]
        without_landlock: bool,
    },
    /// Writes the manual's pages into a directory
    #[command(after_help = "Example: driftless man ~/.local/share/man/man1")]
    Man { directory: PathBuf },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// What runs by `driftless serve`
    Server,
    /// What runs by `driftless daemon`
    Client,
}

#[derive(Debug, Args)]
pub(crate) struct Places {
    /// Of the server or of the client
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) data: DataArgument,
    #[command(flatten)]
    pub(crate) home: HomeArgument,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows every setting, its value, and where it came from
    Show {
        #[command(flatten)]
        places: Places,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints a settings file in which everything is described and nothing is set
    Sample { role: Role },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Writes the units, and says how they are started
    Install {
        #[command(flatten)]
        places: Places,
        /// Where the units go [default: /etc/systemd/system for the server, ~/.config/systemd/user for the client]
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
        /// The login that the server runs as; root watches whole disks and keeps files their owners'
        #[arg(long, value_name = "LOGIN", default_value = "driftless")]
        user: String,
        /// Prints the units, and writes nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Ends after the demonstration, also on a terminal
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DataArgument {
    /// Where the server keeps everything [default: the XDG data directory]
    #[arg(long, env = "DRIFTLESS_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) data: DataArgument,
    #[command(flatten)]
    pub(crate) settings: <ServerSettings as Config>::Layer,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) data: DataArgument,
    #[command(flatten)]
    pub(crate) home: HomeArgument,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdminArguments {
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) data: DataArgument,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Makes a server's data directory and its first administrator
    #[command(after_help = "Example: driftless admin init --user alice")]
    Init {
        #[command(flatten)]
        data: DataArgument,
        /// The administrator's name
        #[arg(long)]
        user: String,
        /// Reads the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Accounts
    #[command(subcommand, after_help = "Example: driftless admin user add bob")]
    User(UserCommand),
    /// Groups of accounts
    #[command(subcommand, after_help = "Example: driftless admin group set family --add bob")]
    Group(GroupCommand),
    /// Shared folders and who may use them
    #[command(subcommand, after_help = "Example: driftless admin folder grant docs bob write")]
    Folder(FolderCommand),
    /// Shows and sets from where the server is administered, and from where nothing but links is reached
    #[command(
        after_help = "Example: driftless admin networks --administration 192.168.1.0/24 --guests 192.168.9.0/24"
    )]
    Networks {
        /// From where it is administered; the machine itself always can. `none`: from everywhere
        #[arg(long, value_name = "NETWORK,...|none", value_parser = networks)]
        administration: Option<NetworkList>,
        /// From where nothing but links is reached; `none`: there are no such networks
        #[arg(long, value_name = "NETWORK,...|none", value_parser = networks)]
        guests: Option<NetworkList>,
        #[command(flatten)]
        common: Common,
    },
    /// Linked devices
    #[command(subcommand, after_help = "Example: driftless admin device list")]
    Device(AdminDeviceCommand),
    /// Shows what folders and people take: now, in history, in the trash, and what equal parts save
    #[command(after_help = "Example: driftless admin space")]
    Space {
        #[command(flatten)]
        common: Common,
    },
    /// Shows where the server is reached, and its certificate's fingerprint
    #[command(after_help = "Example: driftless admin status")]
    Status {
        #[command(flatten)]
        common: Common,
    },
    /// Proves that everything the server promises to have is there
    #[command(after_help = "Example: driftless admin verify --all-bytes")]
    Verify {
        #[command(flatten)]
        common: Common,
        /// Reads and hashes every byte
        #[arg(long)]
        all_bytes: bool,
    },
    /// Frees the disk of what no file, version or upload needs any more
    #[command(after_help = "Example: driftless admin gc --dry-run")]
    Gc(CollectArguments),
    /// Backups of everything: made, proven, brought back
    #[command(subcommand, after_help = "Example: driftless admin backup create /mnt/backup")]
    Backup(BackupCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Makes an account
    Add {
        name: String,
        /// Lets it administer the server
        #[arg(long)]
        administrator: bool,
        /// Makes no home folder for it
        #[arg(long)]
        no_home: bool,
        /// Reads the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Lists accounts
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Changes an account
    Set {
        name: String,
        /// Asks for a new password
        #[arg(long)]
        password: bool,
        /// Reads a new password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// Whether it may administer the server
        #[arg(long, value_name = "YES|NO")]
        administrator: Option<YesNo>,
        /// Whether it may do nothing at all for now
        #[arg(long, value_name = "YES|NO")]
        disabled: Option<YesNo>,
        /// Makes its home folder, if it has none; by itself, without other changes
        #[arg(
            long,
            value_name = "yes",
            value_parser = ["yes"],
            conflicts_with_all = ["password", "password_stdin", "administrator", "disabled", "system_user"]
        )]
        home: Option<String>,
        /// Which login of this machine is this person, for files in plain directories; `none` for none
        #[arg(long, value_name = "LOGIN|none")]
        system_user: Option<String>,
        /// How many bytes a second its devices may send together, such as 5M; `none` for as many as they can, `default` for
        /// what holds for everybody
        #[arg(long, value_name = "RATE|none|default", value_parser = user_rate)]
        upload_rate: Option<Rate>,
        /// How many bytes a second its devices may receive together
        #[arg(long, value_name = "RATE|none|default", value_parser = user_rate)]
        download_rate: Option<Rate>,
        #[command(flatten)]
        common: Common,
    },
    /// Takes an account's second factor away, for who has lost the phone and the recovery codes: the password is enough then
    #[command(after_help = "Example: driftless admin user drop-second-factor alice")]
    DropSecondFactor {
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Chooses whether administrators must have a second factor to administer anything
    #[command(after_help = "Example: driftless admin user need-second-factor yes")]
    NeedSecondFactor {
        administrators: YesNo,
        #[command(flatten)]
        common: Common,
    },
    /// Removes an account, its devices and privileges; files stay
    Remove {
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

impl YesNo {
    pub(crate) fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Makes a group
    Add {
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lists groups and their members
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Adds and removes members
    Set {
        name: String,
        /// A user to add
        #[arg(long, value_name = "USER")]
        add: Vec<String>,
        /// A user to remove
        #[arg(long, value_name = "USER")]
        remove: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Removes a group and its privileges
    Remove {
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Names {
    /// Unique whatever the case, so that every system can hold the folder
    Portable,
    /// Byte for byte, for trees that only Linux uses
    Exact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrivilegeWord {
    None,
    Read,
    Write,
    Manage,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FolderCommand {
    /// Makes a shared folder
    Add {
        name: String,
        /// When two names of a directory clash
        #[arg(long, value_enum, default_value = "portable")]
        names: Names,
        /// How much it may hold, such as 500M or 2T
        #[arg(long, value_name = "SIZE", value_parser = size)]
        quota: Option<u64>,
        /// Mirrors it in a plain directory of the server, which may hold files; `auto` for one in the data directory
        #[arg(long, value_name = "DIR|auto")]
        plain: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Gives a folder a plain directory of the server, or takes it away (its files stay)
    Plain {
        name: String,
        /// A directory, which may hold files; `auto` for one in the data directory; `none`
        #[arg(value_name = "DIR|auto|none")]
        directory: String,
        #[command(flatten)]
        common: Common,
    },
    /// Decides about many deletions in a plain directory that are held
    Hold {
        name: String,
        decision: Decision,
        #[command(flatten)]
        common: Common,
    },
    /// Lists shared folders, their sizes and privileges
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Changes a shared folder
    #[command(group(ArgGroup::new("what").required(true).multiple(true).args(["quota", "versions", "days", "safe_days", "networks"])))]
    Set {
        name: String,
        /// How much it may hold, such as 500M; `none` for no limit
        #[arg(long, value_name = "SIZE|none", value_parser = quota)]
        quota: Option<Quota>,
        /// How many versions of a file are kept; of old ones those that stand for the longest work
        #[arg(long, value_name = "N")]
        versions: Option<u32>,
        /// For how many days old versions and removed files are kept
        #[arg(long, value_name = "N|unlimited", value_parser = days)]
        days: Option<Days>,
        /// For how many days nothing goes but versions that a later one of the same hour replaced
        #[arg(long, value_name = "N")]
        safe_days: Option<u32>,
        /// From where it is reached; `none`: from everywhere
        #[arg(long, value_name = "NETWORK,...|none", value_parser = networks)]
        networks: Option<NetworkList>,
        #[command(flatten)]
        common: Common,
    },
    /// Lets what is no longer kept of a folder's past go now
    Retention {
        name: String,
        /// Only says what would go
        #[arg(long)]
        dry_run: bool,
        /// Says that the mass changes until now are as they should be: what is next to them may go
        #[arg(long, conflicts_with = "dry_run")]
        acknowledge: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Gives a privilege to a user or @group
    Grant {
        name: String,
        /// A user, or @ and a group
        to: String,
        privilege: PrivilegeWord,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota(pub(crate) Option<u64>);

fn quota(text: &str) -> Result<Quota, String> {
    if text == "none" { Ok(Quota(None)) } else { size(text).map(|bytes| Quota(Some(bytes))) }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Days(pub(crate) Option<u32>);

fn days(text: &str) -> Result<Days, String> {
    if text == "unlimited" {
        return Ok(Days(None));
    }
    text.parse().map(|days| Days(Some(days))).map_err(|_| "a number of days, or unlimited".to_owned())
}

#[derive(Debug, Clone)]
pub(crate) struct NetworkList(pub(crate) Vec<WireNetwork>);

fn networks(text: &str) -> Result<NetworkList, String> {
    if text == "none" {
        return Ok(NetworkList(Vec::new()));
    }
    let list = text.split(',').map(|one| one.trim().parse().map(WireNetwork));
    list.collect::<Result<_, _>>().map(NetworkList).map_err(|error| error.to_string())
}

/// A number of bytes, with K, M, G or T for powers of 1024.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.chars().last() {
        Some('K' | 'k') => (&text[..text.len() - 1], 10),
        Some('M' | 'm') => (&text[..text.len() - 1], 20),
        Some('G' | 'g') => (&text[..text.len() - 1], 30),
        Some('T' | 't') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let number: u64 =
        digits.parse().map_err(|_| "a size is a number, with K, M, G or T if you like".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is more than any disk holds".to_owned())
}

fn user_rate(text: &str) -> Result<Rate, String> {
    match text {
        "none" => Ok(Rate::Unlimited),
        "default" => Ok(Rate::Standard),
        _ => rate(text).map(Rate::To),
    }
}

/// Bytes a second, as [`size`] writes them.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    let rate = size(text)
        .map_err(|_| "a rate is a number of bytes a second, with K, M or G if you like".to_owned())?;
    match rate {
        ..client::RATE_MIN => Err(format!("a rate is at least {}K", client::RATE_MIN >> 10)),
        rate => Ok(rate),
    }
}

/// A device's own rate: bytes a second, or as many as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnRate(pub(crate) Option<u64>);

fn own_rate(text: &str) -> Result<OwnRate, String> {
    match text {
        "none" => Ok(OwnRate(None)),
        _ => rate(text).map(|rate| OwnRate(Some(rate))),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminDeviceCommand {
    /// Lists linked devices, and those that wait to be
    List {
        /// Of this user only
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Links a device that shows a code (`driftless link URL` there) to an account
    #[command(after_help = "Example: driftless admin device approve WDJB-MJHT --user alice")]
    Approve {
        /// What the device shows
        code: String,
        /// The account
        #[arg(long)]
        user: String,
        #[command(flatten)]
        common: Common,
    },
    /// Refuses a device that shows a code
    Deny {
        /// What the device shows
        code: String,
        #[command(flatten)]
        common: Common,
    },
    /// Takes a device's token away; what it has copied stays on it
    ///
    /// An order to remove that, which it has not heard yet, is taken back.
    Unlink {
        /// The device's id, from `list`
        device: String,
        #[command(flatten)]
        common: Common,
    },
    /// Takes a device's token away and has the device remove its copies
    ///
    /// It hears the order when it next reaches the server. What was changed or made on it and is not on the server is kept.
    /// `list` tells when it is done.
    #[command(after_help = "Example: driftless admin device wipe d7")]
    Wipe {
        /// The device's id, from `list`
        device: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
pub(crate) struct HomeArgument {
    /// Where this device keeps its state [default: the XDG state directory]
    #[arg(long, env = "DRIFTLESS_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Shown {
    #[command(flatten)]
    pub(crate) home: HomeArgument,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Links this device to an account on a server
    #[command(
        after_help = "Examples: driftless link https://files.example.org:7440 --user alice --device laptop\n          driftless link https://files.example.org:7440"
    )]
    Link(LinkArguments),
    /// Decides anew which certificate the server may show, where it has got another one
    #[command(after_help = "Example: driftless trust --fingerprint 5F:0C:…")]
    Trust {
        /// The one certificate that it may show [default: any that an authority vouches for, else you are asked]
        #[arg(long, env = "DRIFTLESS_FINGERPRINT", value_name = "SHA256")]
        fingerprint: Option<Fingerprint>,
        #[command(flatten)]
        home: HomeArgument,
    },
    /// Shows what this account may sync
    #[command(after_help = "Example: driftless folders")]
    Folders {
        #[command(flatten)]
        shown: Shown,
    },
    /// Keeps a directory in step with a shared folder, or with a part of it
    ///
    /// Said again of the same directory, it changes what is chosen: what is no longer chosen stays where it is, here and
    /// in the shared folder.
    #[command(
        after_help = "Examples:\n  driftless sync docs ~/Documents\n  driftless sync photos/2024 ~/Pictures\n  driftless sync work ~/work --only plans --only notes/today.md --exclude '*.tmp' --exclude target/"
    )]
    Sync {
        /// The shared folder, and a directory in it if not all of it is wanted: FOLDER[/SUBDIR]
        folder: String,
        /// The local directory; made if it is missing, and may hold files already
        directory: PathBuf,
        /// Which way changes travel: `down` only receives, `up` only sends [default: both]
        #[arg(long, value_parser = ["both", "down", "up"])]
        direction: Option<String>,
        /// Only what is at this path (may be said several times)
        #[arg(long, value_name = "PATH")]
        only: Vec<String>,
        /// Nothing that this pattern names, as in a .gitignore (may be said several times)
        #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
        exclude: Vec<String>,
        /// Holds a plan that deletes more nodes than this (and a fifth of all) until a person approves; `off`: never
        /// [default: 1000]
        #[arg(long, value_name = "N|off", value_parser = hold)]
        hold_deletes: Option<Hold>,
        #[command(flatten)]
        home: HomeArgument,
    },
    /// Stops keeping a directory in step; its files stay
    #[command(after_help = "Example: driftless unsync ~/Documents")]
    Unsync {
        directory: PathBuf,
        #[command(flatten)]
        home: HomeArgument,
    },
    /// Keeps everything in step, in the foreground
    #[command(after_help = "Example: driftless daemon")]
    Daemon {
        #[command(flatten)]
        home: HomeArgument,
        #[command(flatten)]
        settings: <ClientSettings as Config>::Layer,
    },
    /// Shows what is in step, what is under way, and what is not possible
    #[command(after_help = "Examples: driftless status --watch\n          driftless status --json")]
    Status {
        /// Goes on showing it, with speeds and recent changes, until q; with --json a line for each change
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        shown: Shown,
    },
    /// Stops syncing for a while
    #[command(after_help = "Example: driftless pause --for 1h")]
    Pause {
        /// Only this directory
        directory: Option<PathBuf>,
        /// For how long, such as 90s, 30m, 1h
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Option<u64>,
        #[command(flatten)]
        home: HomeArgument,
    },
    /// Goes on syncing
    #[command(after_help = "Example: driftless resume")]
    Resume {
        /// Only this directory
        directory: Option<PathBuf>,
        #[command(flatten)]
        home: HomeArgument,
    },
    /// Waits until everything is in step; for scripts
    #[command(
        after_help = "Exit status: 0 in step; 2 time is up; 3 deletions are held; 4 some nodes cannot be synced; 5 no access any more.\n\nExample: driftless wait --timeout 60"
    )]
    Wait {
        /// For how many seconds at most
        #[arg(long, value_name = "SECONDS", default_value = "3600")]
        timeout: u64,
        #[command(flatten)]
        shown: Shown,
    },
    /// Lists conflict copies, or resolves one
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples: driftless conflicts\n          driftless conflicts resolve 'plan (conflict, bob on desktop, 2026-11-21, 1bb4).txt' --keep copy"
    )]
    Conflicts {
        #[command(subcommand)]
        command: Option<ConflictsCommand>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Lists what cannot be synced, and why
    #[command(after_help = "Example: driftless issues")]
    Issues {
        #[command(flatten)]
        shown: Shown,
    },
    /// Shows or decides about held deletions
    #[command(
        after_help = "What was carried out before the rest was held is in the folder's trash and history:\n  driftless restore ~/Documents --at 20m\n\nExample: driftless holds undo"
    )]
    Holds {
        /// Carry them out, or bring back what is held
        decision: Option<Decision>,
        /// Only this directory
        directory: Option<PathBuf>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Lists a file's versions; pins and labels them, which keeps them
    #[command(after_help = "Example: driftless versions ~/Documents/plan.txt --label 3 'as sent'")]
    Versions {
        file: PathBuf,
        /// Keeps this version for ever
        #[arg(long, value_name = "N", group = "change")]
        pin: Option<u64>,
        /// Keeps this version no longer than others
        #[arg(long, value_name = "N", group = "change")]
        unpin: Option<u64>,
        /// Calls a version something, which keeps it too; an empty text takes the label away
        #[arg(long, num_args = 2, value_names = ["N", "TEXT"], group = "change")]
        label: Vec<String>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Brings back: a version of a file, what was deleted, or everything below a path as it was at a moment
    #[command(
        after_help = "What a restore does is a change like any other, and can be undone the same way.\n\nExamples: driftless restore ~/Documents/plan.txt --version 3\n          driftless restore ~/Documents/deleted.txt\n          driftless restore ~/Documents --at 2h --dry-run"
    )]
    Restore(RestoreArguments),
    /// Lists a directory as it was at a moment
    #[command(after_help = "Example: driftless list ~/Documents --at 3d")]
    List {
        path: PathBuf,
        #[command(flatten)]
        moment: Moment,
        #[command(flatten)]
        shown: Shown,
    },
    /// Shows what has changed below a path since a moment
    #[command(after_help = "Example: driftless compare ~/Documents --at 2026-11-21T18:00:00Z")]
    Compare {
        path: PathBuf,
        #[command(flatten)]
        moment: Moment,
        /// At most so many lines
        #[arg(long, default_value = "1000")]
        limit: usize,
        #[command(flatten)]
        shown: Shown,
    },
    /// Lists what was deleted and can be brought back
    #[command(after_help = "Example: driftless trash ~/Documents")]
    Trash {
        /// What was deleted from this directory only, with sizes of all that went with it
        directory: Option<PathBuf>,
        /// At most so many lines
        #[arg(long, default_value = "1000")]
        limit: usize,
        #[command(flatten)]
        shown: Shown,
    },
    /// Shows how fast this device may send and receive, and what the server allows; or changes it, at once
    #[command(
        after_help = "Examples: driftless limits --upload 2M\n          driftless limits --upload none --download none"
    )]
    Limits {
        /// Bytes a second that this device sends at most, such as 2M
        #[arg(long, value_name = "RATE|none", value_parser = own_rate)]
        upload: Option<OwnRate>,
        /// Bytes a second that it receives at most
        #[arg(long, value_name = "RATE|none", value_parser = own_rate)]
        download: Option<OwnRate>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Shows what sync did, newest first
    #[command(after_help = "Example: driftless log ~/Documents/plan.txt")]
    Log {
        /// To this file only
        file: Option<PathBuf>,
        /// At most so many lines
        #[arg(long, default_value = "100")]
        limit: usize,
        #[command(flatten)]
        shown: Shown,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConflictsCommand {
    /// Keeps the original, the copy, or both; what goes can be brought back from the trash or the versions
    Resolve {
        /// The conflict copy
        path: PathBuf,
        /// What is kept
        #[arg(long)]
        keep: Keep,
        #[command(flatten)]
        home: HomeArgument,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keep {
    /// The copy goes to the trash
    Original,
    /// The copy becomes the original's newest version
    Copy,
    /// The copy becomes an ordinary file under a shorter name
    Both,
}

#[derive(Debug, Args)]
pub(crate) struct LinkArguments {
    /// The server's address
    pub(crate) url: String,
    /// The account, whose password is asked for [default: a code is shown, to be approved on the server]
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Reads the password from the first line of standard input
    #[arg(long, requires = "user")]
    pub(crate) password_stdin: bool,
    /// A code of the account's second factor, where it has one: the authenticator app's, or a recovery code [default: it is
    /// asked for]
    #[arg(long, requires = "user")]
    pub(crate) code: Option<String>,
    /// What to call this device [default: the host's name]
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// The one certificate that the server may show, for servers that made their own (`driftless admin status` there)
    #[arg(long, env = "DRIFTLESS_FINGERPRINT", value_name = "SHA256")]
    pub(crate) fingerprint: Option<Fingerprint>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// What to bring back; several if they were deleted
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// A version's number, from `versions`
    #[arg(long = "version", id = "number", value_name = "N", conflicts_with_all = ["at", "seq"])]
    pub(crate) number: Option<u64>,
    /// As everything below the path was at this moment: RFC 3339, or so long ago, such as 90s, 30m, 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<At>,
    /// As it was after this number of the folder's journal, from the answer to an earlier restore
    #[arg(long, value_name = "N", conflicts_with = "at")]
    pub(crate) seq: Option<u64>,
    /// Undoes this person's changes only, where nobody else came after
    #[arg(long, value_name = "USER")]
    pub(crate) only_by: Option<String>,
    /// Undoes the changes from this device only
    #[arg(long, value_name = "DEVICE")]
    pub(crate) only_from: Option<String>,
    /// Says what would be done, and changes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Moment {
    /// A moment: RFC 3339, or so long ago, such as 90s, 30m, 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<At>,
    /// A number of the folder's journal
    #[arg(long, value_name = "N")]
    pub(crate) seq: Option<u64>,
}

/// A moment as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// So many seconds ago.
    Ago(u64),
    /// Exactly.
    Moment(protocol::RfcTime),
}

fn moment(text: &str) -> Result<At, String> {
    let error = || {
        "a moment is written as 2026-11-21T18:00:00Z, or as so long ago, such as 90s, 30m, 2h or 3d"
            .to_owned()
    };
    if let Ok(seconds) = duration(text) {
        return Ok(At::Ago(seconds));
    }
    text.parse().map(At::Moment).map_err(|_| error())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decision {
    Approve,
    Undo,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold(pub(crate) HoldDeletes);

fn hold(text: &str) -> Result<Hold, String> {
    if text == "off" {
        return Ok(Hold(HoldDeletes::Never));
    }
    text.parse().map(|most| Hold(HoldDeletes::Over(most))).map_err(|_| "a number, or off".to_owned())
}

/// A duration in seconds: a number with s, m, h or d.
fn duration(text: &str) -> Result<u64, String> {
    let error = || "a duration is a number with s, m, h or d, such as 30m".to_owned();
    let last = text.chars().last().ok_or_else(error)?;
    let factor = match last {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(error()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| error())?;
    number.checked_mul(factor).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    /// That the document says what they print is held by its transcripts, which the end-to-end tests run.
    #[test]
    fn every_command_that_prints_json_is_in_the_document() {
        fn look(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
            let document = include_str!("../../../docs/json.md");
            let takes_json = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
            if takes_json && !document.contains(path) {
                missing.push(path.to_owned());
            }
            for command in command.get_subcommands() {
                look(command, &format!("{path} {}", command.get_name()), missing);
            }
        }
        let mut missing = Vec::new();
        look(&Cli::command(), "driftless", &mut missing);
        assert!(missing.is_empty(), "not in docs/json.md: {missing:?}");
    }

    #[test]
    fn sizes_and_durations_are_read_as_people_write_them() {
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("2T"), Ok(2 << 40));
        assert_eq!(user_rate("5M"), Ok(Rate::To(5 << 20)));
        assert_eq!((user_rate("none"), user_rate("default")), (Ok(Rate::Unlimited), Ok(Rate::Standard)));
        assert_eq!((own_rate("none"), own_rate("16K")), (Ok(OwnRate(None)), Ok(OwnRate(Some(16 << 10)))));
        assert!(rate("1").is_err() && rate("fast").is_err() && own_rate("default").is_err());
        assert!(size("lots").is_err() && size("99999999999T").is_err() && size("").is_err());
        assert_eq!(duration("90m"), Ok(5_400));
        assert_eq!(moment("3d"), Ok(At::Ago(259_200)));
        let exact = "2026-11-21T18:00:00Z";
        assert_eq!(moment(exact), Ok(At::Moment(exact.parse().unwrap())));
        assert!(moment("yesterday").is_err() && moment("").is_err() && moment("2026-11-21").is_err());
        assert!(duration("5").is_err() && duration("").is_err() && duration("ä").is_err());
    }
}
