//! What of the remote side the pair wants, and what happens to its memory when that changes.
//!
//! A changed view deletes nothing. What the pair no longer wants is taken out of its memory, in all three trees, and
//! stays where it is on both sides; what it newly wants comes with the full listing that follows. So an absence in that
//! listing still means a deletion: what the new view leaves out is not remembered any more by then.

use crate::paths::Overlay;
use crate::store::{Frozen, PairState, PairStore, StoreError};
use model::{CompiledView, NameRule, NodeKey, Spot, View};
use planner::Tree;
use std::collections::BTreeSet;
use std::sync::Arc;

const PAGE: usize = 4096;

/// A pair's view.
#[derive(Debug, Clone)]
pub struct PairView {
    view: View,
    compiled: Arc<CompiledView>,
}

impl PairView {
    /// A view under the folder's rule for names.
    #[must_use]
    pub fn new(view: View, rule: NameRule) -> Self {
        let compiled = Arc::new(view.compile(rule));
        Self { view, compiled }
    }

    /// The view.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether the folder holds more than is wanted, or may hold more.
    pub(crate) fn is_partial(&self) -> bool {
        !self.view.is_everything()
    }

    /// What asks whether paths are in it; none if all are.
    pub(crate) fn filter(&self) -> Option<Arc<CompiledView>> {
        (!self.view.is_unfiltered()).then(|| Arc::clone(&self.compiled))
    }
}

/// Makes the memory that of this view, if it was another's.
pub(crate) fn adopt<S: PairStore>(store: &mut S, view: &PairView) -> Result<(), StoreError> {
    let spelling = if view.view.is_everything() { Vec::new() } else { view.view.spelling() };
    let state = store.state()?;
    if state.view == spelling {
        return Ok(());
    }
    let mut root = store.row(NodeKey::ROOT)?.unwrap_or_default();
    root.extra.id = Some(view.view.root);
    store.put(NodeKey::ROOT, root)?;
    // What an open intent may have done is seen in the listing to come.
    for intent in store.intents()? {
        store.take_intent(intent.key)?;
    }
    store.drop_staged()?;
    forget_unwanted(store, &view.compiled)?;
    store.set_state(&PairState { cursor: None, view: spelling, ..state })
}

/// What stands on the remote side past the cursor, as the pair's own commits left it when it ended.
pub(crate) fn ahead_of_cursor<S: PairStore>(
    store: &mut S,
    view: &PairView,
) -> Result<BTreeSet<NodeKey>, StoreError> {
    let mut ahead = BTreeSet::new();
    let Some(cursor) = store.state()?.cursor.filter(|_| view.is_partial()) else { return Ok(ahead) };
    for_all(store, |store, key| {
        let row = store.row(key)?;
        let newest = row.and_then(|row| row.extra.revision).map(|at| at.placement.max(at.version));
        if newest.is_some_and(|newest| newest > cursor.seq) {
            ahead.insert(key);
        }
        Ok(())
    })?;
    Ok(ahead)
}

/// Takes out what is not in the view: by its place on the remote side, or by that on the local side if it is not there.
fn forget_unwanted<S: PairStore>(store: &mut S, view: &CompiledView) -> Result<(), StoreError> {
    let wanted_there = covered(store, view, Tree::Remote)?;
    let wanted_here = covered(store, view, Tree::Local)?;
    for_all(store, |store, key| {
        let Some(row) = store.row(key)? else { return Ok(()) };
        let wanted = match (&row.triple.remote, &row.triple.local) {
            (Some(_), _) => wanted_there.contains(&key),
            (None, Some(_)) => wanted_here.contains(&key),
            (None, None) => false,
        };
        if !wanted {
            store.take(key)?;
        }
        Ok(())
    })?;
    // What stands on the local side in a directory that is forgotten is forgotten with it, and comes back as new.
    let standing = reached(store, Tree::Local, &mut |_, _, _| Ok(Some(())), ())?;
    for_all(store, |store, key| {
        let lost = store.row(key)?.is_some_and(|row| row.triple.local.is_some()) && !standing.contains(&key);
        if lost {
            store.take(key)?;
        }
        Ok(())
    })?;
    for_all(store, |store, key| {
        let Some(mut row) = store.row(key)? else { return Ok(()) };
        let Some(parent) = row.triple.synced.as_ref().map(|state| state.parent) else { return Ok(()) };
        if store.row(parent)?.is_none() {
            row.triple.synced = None;
            store.put(key, row)?;
        }
        Ok(())
    })
}

/// Calls for every node but the root, a page at a time.
fn for_all<S: PairStore>(
    store: &mut S,
    mut act: impl FnMut(&mut S, NodeKey) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = NodeKey::ROOT;
    loop {
        let page = store.all_keys(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = *last;
        store.prefetch(&page)?;
        for key in page {
            act(store, key)?;
        }
    }
}

/// The nodes of a tree that are in the view.
fn covered<S: PairStore>(
    store: &S,
    view: &CompiledView,
    tree: Tree,
) -> Result<BTreeSet<NodeKey>, StoreError> {
    let mut enter = |at: &Spot, store: &S, key: NodeKey| -> Result<Option<Spot>, StoreError> {
        let Some(state) = store.row(key)?.and_then(|row| row.triple.tree(tree).cloned()) else {
            return Ok(None);
        };
        if !state.content.is_directory() {
            // Nothing is below it: any spot will do.
            return Ok(view.covers(at, &state.name, false).then(|| at.clone()));
        }
        Ok(view.enter(at, &state.name))
    };
    reached(store, tree, &mut enter, view.start())
}

/// Says with what it knows of a directory whether a child of it is let pass, and what is known there.
type Enter<'a, S, A> = dyn FnMut(&A, &S, NodeKey) -> Result<Option<A>, StoreError> + 'a;

/// The nodes of a tree that are reached from the root, where `enter` lets pass.
fn reached<S: PairStore, A: Clone>(
    store: &S,
    tree: Tree,
    enter: &mut Enter<'_, S, A>,
    start: A,
) -> Result<BTreeSet<NodeKey>, StoreError> {
    let mut found = BTreeSet::new();
    let mut level = vec![(NodeKey::ROOT, start)];
    while !level.is_empty() {
        let mut below = Vec::new();
        for (directory, at) in level {
            let children = store.children(tree, directory)?;
            store.prefetch(&children)?;
            for child in children {
                if let Some(inside) = enter(&at, store, child)?
                    && found.insert(child)
                {
                    below.push((child, inside));
                }
            }
        }
        level = below;
    }
    Ok(found)
}

/// Nodes that are gone from the remote side's view: those that a person has moved to where the pair does not sync are not
/// removed there. The pair lets go of them, and of what it holds below them.
pub(crate) fn let_go_of_excluded<S: PairStore>(
    store: &mut S,
    gone: &[NodeKey],
) -> Result<BTreeSet<NodeKey>, StoreError> {
    let mut excluded = Vec::new();
    for key in gone {
        if is_excluded(store, *key)? {
            excluded.push(*key);
        }
    }
    let mut touched = BTreeSet::new();
    let mut level = excluded;
    while !level.is_empty() {
        let mut below = Vec::new();
        for key in level {
            let Some(mut row) = store.row(key)? else { continue };
            if row.triple.local.is_none() {
                continue;
            }
            below.extend(store.children(Tree::Local, key)?);
            row.triple.local = None;
            row.triple.synced = None;
            row.triple.frozen = false;
            row.extra.disk = None;
            row.extra.frozen = None;
            store.put(key, row)?;
            touched.insert(key);
        }
        level = below;
    }
    Ok(touched)
}

/// Whether a node of L, or a directory it lies in, is left alone for being outside of what is synced.
pub(crate) fn is_excluded<S: PairStore>(store: &S, key: NodeKey) -> Result<bool, StoreError> {
    let mut at = key;
    // Deeper than any path can be: a broken memory ends here, too.
    for _ in 0..4096 {
        let Some(row) = store.row(at)? else { return Ok(false) };
        if row.extra.frozen == Some(Frozen::Excluded) {
            return Ok(true);
        }
        match row.triple.local {
            Some(local) if at != NodeKey::ROOT => at = local.parent,
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// Directories on the local side where something that is left alone stands in the place of a node that is new on the
/// remote side: a look there takes it up.
pub(crate) fn places_to_look_at<S: PairStore>(
    store: &S,
    touched: &BTreeSet<NodeKey>,
) -> Result<BTreeSet<model::RelativePath>, StoreError> {
    let mut places = BTreeSet::new();
    for key in touched {
        let Some(row) = store.row(*key)? else { continue };
        let (None, Some(remote)) = (&row.triple.local, &row.triple.remote) else { continue };
        for other in store.named(Tree::Local, remote.parent, &store.name_key(&remote.name))? {
            let waits = store.row(other)?.is_some_and(|row| row.extra.frozen == Some(Frozen::Excluded));
            if waits && let Some(path) = crate::paths::path_of(store, remote.parent, &Overlay::new())? {
                places.insert(path);
            }
        }
    }
    Ok(places)
}
