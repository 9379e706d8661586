//! The port on a fake disk.

use super::faults::Fault;
use super::state::{Body, Node, Number, STAGE, Slot, State, TRASH};
use super::user::User;
use super::{FakeDisk, Inner};
use crate::disk::{
    Capabilities, Disk, Identity, Listing, ReadFile, Staged, StagedFile, SyncCounts, Unseen, Writers,
};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::place::{Place, Removal, StagedId, TrashedId};
use model::{Entry, Fingerprint, Name, RelativePath, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

impl FakeDisk {
    /// One primitive: the hook acts before it, and a fault may keep it from being done or from being reported.
    fn step<T>(
        &self,
        operation: Operation,
        place: Option<&Place>,
        act: impl FnOnce(&mut State) -> Result<T, ErrorKind>,
    ) -> Result<T> {
        let mut inner = self.lock();
        let error = |kind| Error { kind, operation, place: place.cloned(), source: None };
        inner.act_before();
        let fault = inner.faults.next(is_write(operation));
        match fault {
            Some(Fault::Fail(kind)) => return Err(error(kind)),
            Some(Fault::Halt) => {
                inner.faults.halted = true;
                return Err(error(ErrorKind::Offline));
            }
            _ => {}
        }
        if inner.state.offline {
            return Err(error(ErrorKind::Offline));
        }
        inner.state.tick();
        let result = act(&mut inner.state).map_err(error);
        inner.wake();
        match fault {
            Some(Fault::FailAfter(kind)) => Err(error(kind)),
            Some(Fault::HaltAfter) => {
                inner.faults.halted = true;
                Err(error(ErrorKind::Offline))
            }
            _ => result,
        }
    }
}

impl Inner {
    fn act_before(&mut self) {
        if self.faults.halted {
            return;
        }
        if let Some(mut hook) = self.hook.take() {
            hook(self.faults.step, &mut User::new(&mut self.state));
            self.hook = Some(hook);
        }
    }
}

fn is_write(operation: Operation) -> bool {
    use Operation as O;
    matches!(
        operation,
        O::Stage | O::Write | O::Reserve | O::Copy | O::Rename | O::Exchange | O::MakeDirectory
    )
}

fn name_of(slot: &Slot) -> Result<Name, ErrorKind> {
    if slot.1.is_empty() {
        Ok(Name::root())
    } else {
        Name::from_disk(&slot.1).map_err(|_| ErrorKind::NameNotPossible)
    }
}

fn found(state: &State, place: &Place) -> Result<(Slot, Number), ErrorKind> {
    state.find(place)?.ok_or(ErrorKind::NotFound)
}

fn file_at(state: &State, place: &Place) -> Result<Number, ErrorKind> {
    let (_, number) = found(state, place)?;
    match state.node(number).body {
        Body::File(_) => Ok(number),
        _ => Err(ErrorKind::Changed),
    }
}

impl Disk for FakeDisk {
    fn capabilities(&self) -> Capabilities {
        let options = self.lock().state.options;
        Capabilities {
            case_insensitive: options.insensitive,
            normalisation_insensitive: options.insensitive,
            exchange: options.exchange,
            generations: true,
            writers: options.writers,
            links: true,
            executable: true,
            mtime_granularity_ns: options.mtime_granularity_ns,
        }
    }

    fn check(&self) -> Result<Identity> {
        self.step(Operation::Check, None, |state| {
            if &*state.marker != "fake" {
                return Err(ErrorKind::Offline);
            }
            let root = state.node(super::state::ROOT).fingerprint();
            Ok(Identity { marker: state.marker.clone(), root, file_system: 1 })
        })
    }

    fn list(&self, directory: &Place) -> Result<Listing> {
        self.step(Operation::List, Some(directory), |state| {
            let (_, number) = found(state, directory)?;
            let node = state.node(number);
            let Body::Directory(entries) = &node.body else { return Err(ErrorKind::Changed) };
            if node.mounted {
                return Err(ErrorKind::Unsupported);
            }
            if node.denied {
                return Err(ErrorKind::Denied);
            }
            Ok(listing(state, entries))
        })
    }

    fn look(&self, place: &Place) -> Result<Option<Entry>> {
        self.step(Operation::Look, Some(place), |state| match state.find(place) {
            Ok(Some((slot, number))) => Ok(Some(state.node(number).entry(name_of(&slot)?))),
            Ok(None) | Err(ErrorKind::NotFound) => Ok(None),
            Err(kind) => Err(kind),
        })
    }

    fn open_read(&self, place: &Place) -> Result<Box<dyn ReadFile>> {
        let number = self.step(Operation::Open, Some(place), |state| {
            let number = file_at(state, place)?;
            if state.node(number).denied { Err(ErrorKind::Denied) } else { Ok(number) }
        })?;
        Ok(Box::new(FakeReadFile { disk: self.clone(), number, place: place.clone() }))
    }

    fn writers(&self, place: &Place) -> Result<Writers> {
        self.step(Operation::Look, Some(place), |state| {
            let number = file_at(state, place)?;
            Ok(match state.node(number).writers {
                _ if !state.options.writers => Writers::Unknown,
                0 => Writers::None,
                _ => Writers::Some,
            })
        })
    }

    fn stage_file(&self) -> Result<Box<dyn StagedFile>> {
        let (id, number) = self.step(Operation::Stage, None, |state| {
            let number = state.new_node(Body::File(Arc::default()));
            Ok((name_staged(state, number), number))
        })?;
        Ok(Box::new(FakeStagedFile { disk: self.clone(), id, number }))
    }

    fn stage_resume(&self, id: StagedId) -> Result<Box<dyn StagedFile>> {
        let place = Place::Staged(id);
        let number = self.step(Operation::Stage, Some(&place), |state| file_at(state, &place))?;
        Ok(Box::new(FakeStagedFile { disk: self.clone(), id, number }))
    }

    fn stage_link(&self, target: &[u8], mtime: Timestamp) -> Result<Staged> {
        self.step(Operation::Stage, None, |state| {
            let number = state.new_node(Body::Link(target.into()));
            let id = name_staged(state, number);
            state.set_attributes(number, mtime, false);
            // A link is not synced by itself: it is durable with its name.
            if let Some(node) = state.durable.get_mut(&number) {
                node.mtime = mtime;
            }
            Ok(Staged { id, fingerprint: state.node(number).fingerprint() })
        })
    }

    fn staged(&self) -> Result<Vec<StagedId>> {
        self.step(Operation::List, None, |state| {
            Ok(names_in(state, STAGE)
                .filter_map(|name| Some(StagedId(u64::from_str_radix(name, 16).ok()?)))
                .collect())
        })
    }

    fn trashed(&self) -> Result<Vec<TrashedId>> {
        self.step(Operation::List, None, |state| {
            Ok(names_in(state, TRASH).filter_map(TrashedId::parse).collect())
        })
    }

    fn sync_staged(&self, staged: &[StagedId]) -> Result<()> {
        self.step(Operation::Sync, None, |state| {
            if staged.len() > SYNC_SINGLY_MAX {
                state.counts.file_systems += 1;
                state.sync_everything();
                return Ok(());
            }
            for id in staged {
                let (_, number) = found(state, &Place::Staged(*id))?;
                state.counts.files += 1;
                state.sync_file(number);
            }
            Ok(())
        })
    }

    fn sync_directories(&self, directories: &[RelativePath]) -> Result<()> {
        self.step(Operation::Sync, None, |state| {
            if directories.len() > SYNC_SINGLY_MAX {
                state.counts.file_systems += 1;
                state.sync_everything();
                return Ok(());
            }
            for directory in directories {
                let Ok(number) = state.directory(directory.names()) else { continue };
                state.counts.directories += 1;
                state.sync_directory(number);
            }
            Ok(())
        })
    }

    fn sync_counts(&self) -> SyncCounts {
        self.lock().state.counts
    }

    fn rename_new(&self, from: &Place, to: &Place) -> Result<()> {
        self.step(Operation::Rename, Some(from), |state| {
            let (from_slot, number) = found(state, from)?;
            let to_slot = state.slot(to)?;
            refuse_root(from)?;
            if state.child(to_slot.0, &to_slot.1).is_some() {
                return Err(ErrorKind::Exists);
            }
            if state.is_inside(to_slot.0, number) {
                return Err(ErrorKind::Changed);
            }
            state.set_names(vec![(from_slot, None), (to_slot, Some(number))]);
            Ok(())
        })
    }

    fn exchange(&self, one: &Place, other: &Place) -> Result<()> {
        self.step(Operation::Exchange, Some(other), |state| {
            if !state.options.exchange {
                return Err(ErrorKind::Unsupported);
            }
            let (one_slot, one_number) = found(state, one)?;
            let (other_slot, other_number) = found(state, other)?;
            refuse_root(one).and(refuse_root(other))?;
            if state.is_inside(other_slot.0, one_number) || state.is_inside(one_slot.0, other_number) {
                return Err(ErrorKind::Changed);
            }
            state.set_names(vec![(one_slot, Some(other_number)), (other_slot, Some(one_number))]);
            Ok(())
        })
    }

    fn make_directory(&self, path: &RelativePath) -> Result<()> {
        let place = Place::from(path);
        self.step(Operation::MakeDirectory, Some(&place), |state| {
            let slot = state.slot(&place)?;
            if state.child(slot.0, &slot.1).is_some() {
                return Err(ErrorKind::Exists);
            }
            let number = state.new_node(Body::Directory(BTreeMap::new()));
            state.set_names(vec![(slot, Some(number))]);
            Ok(())
        })
    }

    fn set_attributes(
        &self,
        path: &RelativePath,
        expected: &Fingerprint,
        mtime: Timestamp,
        executable: bool,
    ) -> Result<Fingerprint> {
        let place = Place::from(path);
        self.step(Operation::SetAttributes, Some(&place), |state| {
            let (_, number) = found(state, &place)?;
            let node: &Node = state.node(number);
            if node.fingerprint() != *expected || !matches!(node.body, Body::File(_) | Body::Link(_)) {
                return Err(ErrorKind::Changed);
            }
            if node.writers > 0 && state.options.writers {
                return Err(ErrorKind::Busy);
            }
            state.set_attributes(number, mtime, executable);
            Ok(state.node(number).fingerprint())
        })
    }

    fn dress(&self, staged: StagedId, like: &RelativePath) -> Result<()> {
        let place = Place::Staged(staged);
        self.step(Operation::SetAttributes, Some(&place), |state| {
            let (_, number) = found(state, &place)?;
            let Some((_, like)) = state.find(&like.into())? else { return Ok(()) };
            let denied = state.node(like).denied;
            state.node_mut(number).denied = denied;
            Ok(())
        })
    }

    fn new_trashed(&self, removal: Removal, path: &RelativePath) -> TrashedId {
        let mut inner = self.lock();
        inner.state.next_id += 1;
        TrashedId::new(inner.state.now, inner.state.next_id, removal, path)
    }

    fn discard_staged(&self, id: StagedId) -> Result<()> {
        self.discard(&Place::Staged(id))
    }

    fn discard_trashed(&self, id: &TrashedId) -> Result<()> {
        self.discard(&Place::Trashed(id.clone()))
    }

    fn free_bytes(&self) -> Result<u64> {
        self.step(Operation::Measure, None, |state| Ok(state.options.capacity - state.used))
    }
}

/// Up to so many are synced one by one.
const SYNC_SINGLY_MAX: usize = 32;

fn refuse_root(place: &Place) -> Result<(), ErrorKind> {
    if matches!(place, Place::Tree(path) if path.is_root()) { Err(ErrorKind::Changed) } else { Ok(()) }
}

fn listing(state: &State, entries: &BTreeMap<Box<[u8]>, Number>) -> Listing {
    let mut listing = Listing::default();
    for (bytes, number) in entries {
        match Name::from_disk(bytes) {
            Ok(name) => listing.entries.push(state.node(*number).entry(name)),
            Err(_) => listing.unseen.push(Unseen {
                bytes: bytes.clone(),
                name: None,
                kind: ErrorKind::NameNotPossible,
            }),
        }
    }
    listing.entries.sort_by(|one, other| one.name.cmp(&other.name));
    listing
}

fn names_in(state: &State, directory: Number) -> impl Iterator<Item = &str> {
    state
        .entries(directory)
        .into_iter()
        .flat_map(|entries| entries.keys())
        .filter_map(|name| str::from_utf8(name).ok())
}

fn name_staged(state: &mut State, number: Number) -> StagedId {
    state.next_id += 1;
    let id = StagedId(state.next_id);
    state.set_names(vec![((STAGE, format!("{:x}", id.0).into_bytes().into()), Some(number))]);
    id
}

impl FakeDisk {
    fn discard(&self, place: &Place) -> Result<()> {
        self.step(Operation::Discard, Some(place), |state| {
            let (slot, number) = found(state, place)?;
            discard_below(state, number);
            state.set_names(vec![(slot, None)]);
            Ok(())
        })
    }
}

fn discard_below(state: &mut State, directory: Number) {
    let Some(entries) = state.entries(directory).cloned() else { return };
    for (name, number) in entries {
        discard_below(state, number);
        state.set_names(vec![((directory, name), None)]);
    }
}

#[derive(Debug)]
struct FakeReadFile {
    disk: FakeDisk,
    number: Number,
    place: Place,
}

impl ReadFile for FakeReadFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let number = self.number;
        self.disk.step(Operation::Read, Some(&self.place), |state| read_node(state, number, offset, buffer))
    }

    fn fingerprint(&mut self) -> Result<Fingerprint> {
        let number = self.number;
        self.disk.step(Operation::Look, Some(&self.place), |state| {
            // An open file outlives its names on a real disk; here it is then simply another one.
            Ok(state.nodes.get(&number).ok_or(ErrorKind::Changed)?.fingerprint())
        })
    }
}

fn read_node(state: &State, number: Number, offset: u64, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
    let Some(Body::File(bytes)) = state.nodes.get(&number).map(|node| &node.body) else {
        return Err(ErrorKind::Changed);
    };
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let length = buffer.len().min(bytes.len() - start);
    buffer[..length].copy_from_slice(&bytes[start..start + length]);
    Ok(length)
}

#[derive(Debug)]
struct FakeStagedFile {
    disk: FakeDisk,
    id: StagedId,
    number: Number,
}

impl FakeStagedFile {
    fn step<T>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut State, Number) -> Result<T, ErrorKind>,
    ) -> Result<T> {
        let number = self.number;
        self.disk.step(operation, Some(&Place::Staged(self.id)), |state| {
            if !state.nodes.contains_key(&number) {
                return Err(ErrorKind::NotFound);
            }
            act(state, number)
        })
    }
}

impl StagedFile for FakeStagedFile {
    fn id(&self) -> StagedId {
        self.id
    }

    fn size(&mut self) -> Result<u64> {
        self.step(Operation::Look, |state, number| Ok(state.node(number).fingerprint().size))
    }

    fn reserve(&mut self, size: u64) -> Result<()> {
        self.step(Operation::Reserve, |state, number| {
            let missing = size.saturating_sub(state.node(number).fingerprint().size);
            if state.used + missing > state.options.capacity { Err(ErrorKind::NoSpace) } else { Ok(()) }
        })
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.step(Operation::Write, |state, number| state.write(number, offset, bytes))
    }

    fn copy_at(&mut self, offset: u64, source: &mut dyn ReadFile, from: u64, length: u64) -> Result<u64> {
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(1 << 20)];
        let mut copied = 0;
        while copied < length {
            let wanted = buffer.len().min(usize::try_from(length - copied).unwrap_or(usize::MAX));
            let read = source.read_at(from + copied, &mut buffer[..wanted])?;
            if read == 0 {
                break;
            }
            self.write_at(offset + copied, &buffer[..read])?;
            copied += read as u64;
        }
        Ok(copied)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.step(Operation::Read, |state, number| read_node(state, number, offset, buffer))
    }

    fn finish(self: Box<Self>, size: u64, mtime: Timestamp, executable: bool) -> Result<Staged> {
        let id = self.id;
        self.step(Operation::Write, |state, number| {
            if state.node(number).fingerprint().size != size {
                state.resize(number, size)?;
            }
            state.set_attributes(number, mtime, executable);
            Ok(Staged { id, fingerprint: state.node(number).fingerprint() })
        })
    }
}
