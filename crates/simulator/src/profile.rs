//! What kind of world a run happens in.

use crate::deed::DeedKind;
use crate::memory::StoreKind;
use filesystem::fake::{FakeOptions, WatchFaults};
use model::NameRule;
use planner::Direction;
use testkit::seed::Random;

/// What kind of world. [`Profile::swarm`] chooses one by a seed: each kind of trouble is in it or not, so that
/// combinations appear that an average of everything never shows.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// How many devices.
    pub devices: usize,
    /// On how many of them somebody works.
    pub users: usize,
    /// How many things they do in all.
    pub steps: usize,
    /// How names clash.
    pub rule: NameRule,
    /// Names of users that clash on some disks.
    pub traps: bool,
    /// What kind of disk each device has.
    pub disks: Vec<FakeOptions>,
    /// How each device is watched.
    pub watch: WatchFaults,
    /// Whether every other life plans what is new in portions of a few nodes.
    pub portions: bool,
    /// Which memory the devices use.
    pub store: StoreKind,
    /// How long users pause at most, in milliseconds.
    pub pause_ms: u64,
    /// How long a message travels at most, in milliseconds.
    pub delay_ms: u64,
    /// Of 1,000 messages, how many are lost.
    pub loss: u64,
    /// Of 1,000 primitives of a disk procedure, before how many a user acts.
    pub interruptions: u64,
    /// How often what goes wrong; by [`Trouble`](crate::plan::TroubleKind).
    pub troubles: Vec<(crate::plan::TroubleKind, u32)>,
    /// What users do, and how often.
    pub deeds: Vec<(DeedKind, u32)>,
    /// Which way changes travel, by device; both ways for all if empty.
    pub directions: Vec<Direction>,
    /// Whether the first device is the server's own file-system monitor: in the same process, past the network.
    pub monitor: bool,
    /// Chooses what of the folder each device but the first wants; none: everything.
    pub views: Option<u64>,
    /// Whether a folder's past is kept by rules that change, while days go by on the server.
    pub keeping: bool,
    /// Real bytes are hard to lose if everything is flushed at once: the system writes back by itself now and then.
    pub write_back: bool,
}

impl Profile {
    /// Nothing goes wrong but that users are quick.
    #[must_use]
    pub fn calm(users: usize, steps: usize) -> Self {
        let devices = users.max(2);
        Self {
            name: "calm".to_owned(),
            devices,
            users,
            steps,
            rule: NameRule::Portable,
            traps: false,
            disks: vec![FakeOptions::default(); devices],
            watch: WatchFaults::default(),
            portions: false,
            store: StoreKind::Maps,
            pause_ms: 300,
            delay_ms: 20,
            loss: 0,
            interruptions: 0,
            troubles: Vec::new(),
            deeds: DeedKind::ALL.iter().map(|kind| (*kind, kind.weight())).collect(),
            directions: Vec::new(),
            monitor: false,
            views: None,
            keeping: false,
            write_back: true,
        }
    }

    /// A world chosen by a seed, in which the server mirrors the folder into a plain directory: people work there past
    /// everything while its watcher loses, delays and overflows, beside clients.
    #[must_use]
    pub fn monitored(seed: u64, users: Option<usize>, steps: usize) -> Self {
        let mut profile = Self::swarm(seed, users, steps);
        let mut random = Random::new(seed ^ 0x006d_6f6e_6974_6f72);
        profile.name = "monitored".to_owned();
        profile.monitor = true;
        profile.portions = true;
        let mut often = || [0, 20, 200][random.below(3)];
        let (overflow, double, late, silent, coarse) = (often(), often(), often(), often() / 4, often());
        profile.watch = WatchFaults { seed: random.bits(), overflow, double, late, silent, coarse };
        if random.one_in(2) {
            profile.troubles.push((crate::plan::TroubleKind::Rewind, 2));
        }
        profile
    }

    /// A world chosen by a seed, in which all devices but the first want a part of the folder only, and some of them change
    /// their minds.
    #[must_use]
    pub fn viewed(seed: u64, users: Option<usize>, steps: usize) -> Self {
        let mut profile = Self::swarm(seed, users, steps);
        let mut random = Random::new(seed ^ 0x0000_7669_6577_6564);
        profile.name = "viewed".to_owned();
        profile.views = Some(random.bits());
        if !random.one_in(3) {
            let count = 1 + random.below(4) as u32;
            profile.troubles.push((crate::plan::TroubleKind::ChangeView, count));
        }
        profile
    }

    /// A world chosen by a seed, in which retention runs as days go by, and people pin, restore and run into quotas.
    #[must_use]
    pub fn keeping(seed: u64, users: Option<usize>, steps: usize) -> Self {
        use crate::plan::TroubleKind as Kind;
        let mut profile = Self::swarm(seed, users, steps);
        let mut random = Random::new(seed ^ 0x6b_6565_7069_6e67);
        profile.name = "keeping".to_owned();
        profile.keeping = true;
        for kind in Kind::KEEPING {
            let often = match kind {
                Kind::Days => 2 + random.below(6),
                Kind::Quota if random.one_in(2) => 0,
                Kind::Rules | Kind::Quota => 1 + random.below(3),
                _ => 1 + random.below(8),
            };
            profile.troubles.push((*kind, often as u32));
        }
        for (kind, one_in, often) in [(Kind::Mass, 8, 2), (Kind::Rewind, 3, 2), (Kind::CutOff, 2, 2)] {
            if random.one_in(one_in) {
                profile.troubles.push((kind, often));
            }
        }
        for (kind, weight) in &mut profile.deeds {
            *weight = match kind {
                DeedKind::Overwrite | DeedKind::Save | DeedKind::Remove => (*weight).max(4),
                DeedKind::RemoveAll | DeedKind::MakeDirectory | DeedKind::WriteCommon => (*weight).max(2),
                _ => *weight,
            };
        }
        profile
    }

    /// A world chosen by a seed, in which some devices only receive, one may only send, and accounts may only read for
    /// a while.
    #[must_use]
    pub fn one_way(seed: u64, users: Option<usize>, steps: usize) -> Self {
        let mut profile = Self::swarm(seed, users, steps);
        let mut random = Random::new(seed ^ 0x006f_6e65_2077_6179);
        profile.name = "one-way".to_owned();
        // Two that only send, and hold different states of one node, would answer each other for ever.
        let sends = random.one_in(2).then(|| random.below(profile.devices));
        let mut direction = |device| match sends {
            Some(sends) if sends == device => Direction::Up,
            _ if random.one_in(2) => Direction::Down,
            _ => Direction::Both,
        };
        profile.directions = (0..profile.devices).map(&mut direction).collect();
        if random.one_in(2) {
            profile.troubles.push((crate::plan::TroubleKind::ReadOnly, 1 + random.below(4) as u32));
        }
        profile
    }

    /// Which way changes travel for a device.
    #[must_use]
    pub fn direction(&self, device: usize) -> Direction {
        self.directions.get(device).copied().unwrap_or_default()
    }

    /// Whether devices need not agree with the server in the end.
    #[must_use]
    pub fn is_one_way(&self) -> bool {
        !self.directions.is_empty()
    }

    /// Three users at few nodes, far from the server: nearly everything meets.
    #[must_use]
    pub fn crowded(steps: usize) -> Self {
        let mut profile = Self::calm(3, steps);
        profile.name = "crowded".to_owned();
        profile.pause_ms = 150;
        profile.delay_ms = 300;
        for (kind, weight) in &mut profile.deeds {
            *weight = match kind {
                DeedKind::Overwrite | DeedKind::Remove | DeedKind::MoveFile => 6,
                DeedKind::Save | DeedKind::MoveDirectory | DeedKind::RemoveAll => 3,
                DeedKind::Write | DeedKind::MakeDirectory => 2,
                _ => 0,
            };
        }
        profile
    }

    /// One user who moves things to and fro, behind a network that loses a lot.
    #[must_use]
    pub fn lonely(steps: usize) -> Self {
        let mut profile = Self::calm(1, steps);
        profile.name = "lonely".to_owned();
        profile.pause_ms = 800;
        profile.delay_ms = 500;
        profile.loss = 250;
        for (kind, weight) in &mut profile.deeds {
            *weight = match kind {
                DeedKind::MoveFile | DeedKind::MoveDirectory | DeedKind::Swap => 6,
                DeedKind::Write | DeedKind::MakeDirectory | DeedKind::Remove => 2,
                _ => 0,
            };
        }
        profile
    }

    /// A world chosen by a seed.
    #[must_use]
    pub fn swarm(seed: u64, users: Option<usize>, steps: usize) -> Self {
        let mut random = Random::new(seed ^ 0x70_726f_6669_6c65);
        let users = users.unwrap_or_else(|| 1 + random.below(3));
        let mut profile = Self::calm(users, steps);
        profile.name = "swarm".to_owned();
        profile.devices = (users + random.below(2)).max(2);
        if random.one_in(4) {
            profile.rule = NameRule::Exact;
        }
        // The later of two clashing names is renamed even if nobody else works: that would disturb the only user.
        profile.traps = users > 1 && random.one_in(2);
        profile.store = if random.one_in(12) { StoreKind::Sqlite } else { StoreKind::Maps };
        profile.pause_ms = *random.pick(&[3, 40, 300, 300, 2_000]).expect("not empty");
        profile.delay_ms = *random.pick(&[1, 20, 200, 3_000]).expect("not empty");
        profile.loss = *random.pick(&[0, 0, 20, 150]).expect("not empty");
        profile.interruptions = *random.pick(&[0, 10, 50]).expect("not empty");
        profile.disks = (0..profile.devices).map(|_| disk(&mut random, profile.rule)).collect();
        if random.one_in(2) {
            let mut parts = || random.below(100) as u32;
            let (overflow, double, late, coarse) = (parts() / 3, parts(), parts(), parts() * 4);
            let silent = if random.one_in(3) { random.below(60) as u32 } else { 0 };
            profile.watch = WatchFaults { seed: random.bits(), overflow, double, late, silent, coarse };
        }
        for kind in crate::plan::TroubleKind::ALL {
            if random.one_in(3) {
                profile.troubles.push((*kind, 1 + random.below(4) as u32));
            }
        }
        for (kind, weight) in &mut profile.deeds {
            if *kind == DeedKind::ChangeCase && users == 1 {
                *weight = 0;
            }
            let often = [0, 1, 1, 2, 5][random.below(5)];
            *weight = if matches!(kind, DeedKind::Write) { (*weight).max(1) } else { *weight } * often
                + u32::from(matches!(kind, DeedKind::Write));
        }
        profile
    }
}

fn disk(random: &mut Random, rule: NameRule) -> FakeOptions {
    let mut options = FakeOptions {
        insensitive: rule == NameRule::Portable && random.one_in(6),
        exchange: !random.one_in(8),
        writers: !random.one_in(8),
        ..FakeOptions::default()
    };
    let skew_ms = if random.one_in(4) { random.below(200_000_000) as u64 } else { 0 };
    options.start = crate::world::beginning().plus_ms(skew_ms);
    options
}
