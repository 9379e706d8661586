//! How many transfers run at a time, of one device and in all, and whose turn is next.
//!
//! *Always:* who waits is served in turns, a device after the other, so that one with many waiting transfers takes nothing
//! from the others; nobody waits longer than the settings say, and only so many wait at all. Who is sent away is told when
//! to come again.

use crate::failure::Failure;
use model::DeviceId;
use protocol::ProblemKind;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How many transfers of one device may wait, for each that may run.
const WAITING_FOR_EACH: usize = 4;

/// The most that run and the longest wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) in_all: usize,
    pub(crate) of_a_device: usize,
    pub(crate) wait: Duration,
}

/// Lets transfers begin.
#[derive(Debug, Clone)]
pub(crate) struct Transfers {
    queue: Arc<Mutex<Queue>>,
    bounds: Bounds,
}

#[derive(Debug, Default)]
struct Queue {
    running: usize,
    waiting: usize,
    devices: HashMap<Option<DeviceId>, Lane>,
    /// Devices with somebody waiting, in the order of their turns.
    turns: VecDeque<Option<DeviceId>>,
}

#[derive(Debug, Default)]
struct Lane {
    running: usize,
    waiting: VecDeque<oneshot::Sender<Transfer>>,
}

/// A running transfer; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Transfer {
    transfers: Transfers,
    device: Option<DeviceId>,
}

impl Transfers {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let bounds =
            Bounds { in_all: bounds.in_all.max(1), of_a_device: bounds.of_a_device.max(1), ..bounds };
        Self { queue: Arc::default(), bounds }
    }

    /// Begins a transfer when it is this device's turn; fails if that takes too long or too many wait already.
    pub(crate) async fn begin(&self, device: Option<DeviceId>) -> Result<Transfer, Failure> {
        let turn = {
            let mut queue = self.locked();
            if queue.is_free(device, &self.bounds) {
                return Ok(self.start(&mut queue, device));
            }
            queue.forget_who_gave_up(device);
            let waiting = queue.devices.entry(device).or_default().waiting.len();
            if waiting >= WAITING_FOR_EACH * self.bounds.of_a_device {
                return Err(self.too_many(&queue, device));
            }
            queue.wait(device)
        };
        // Whoever gives up drops its end: a turn given to it in that moment goes on to the next.
        match tokio::time::timeout(self.bounds.wait, turn).await {
            Ok(Ok(transfer)) => Ok(transfer),
            Ok(Err(_)) | Err(_) => {
                let mut queue = self.locked();
                queue.forget_who_gave_up(device);
                Err(self.too_many(&queue, device))
            }
        }
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.locked().running
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.locked().waiting
    }

    /// How many run and wait of each device that has any.
    pub(crate) fn by_device(&self) -> HashMap<Option<DeviceId>, (usize, usize)> {
        let queue = self.locked();
        queue.devices.iter().map(|(device, lane)| (*device, (lane.running, lane.waiting.len()))).collect()
    }

    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, queue: &mut Queue, device: Option<DeviceId>) -> Transfer {
        queue.running += 1;
        queue.devices.entry(device).or_default().running += 1;
        Transfer { transfers: self.clone(), device }
    }

    /// Gives free places to those who wait.
    fn serve(&self) {
        // A turn that nobody takes any more comes back here when it is dropped, which must not be under the lock.
        while let Some((turn, transfer)) = self.next_turn() {
            drop(turn.send(transfer));
        }
    }

    fn next_turn(&self) -> Option<(oneshot::Sender<Transfer>, Transfer)> {
        let mut queue = self.locked();
        loop {
            if queue.running >= self.bounds.in_all {
                return None;
            }
            let next = queue.turns.iter().position(|device| {
                queue.devices.get(device).is_some_and(|lane| lane.running < self.bounds.of_a_device)
            })?;
            let device = queue.turns.remove(next)?;
            let Some(turn) = queue.take_turn(device) else { continue };
            let transfer = self.start(&mut queue, device);
            return Some((turn, transfer));
        }
    }

    fn too_many(&self, queue: &Queue, device: Option<DeviceId>) -> Failure {
        let of_device = queue.devices.get(&device).map_or(0, |lane| lane.running);
        let (limit, maximum) = if of_device >= self.bounds.of_a_device {
            ("device_transfers", self.bounds.of_a_device)
        } else {
            ("transfers", self.bounds.in_all)
        };
        // The more wait, the later it is worth while to come again.
        let seconds = 1 + queue.waiting / self.bounds.in_all;
        Failure::new(ProblemKind::TooManyRequests)
            .detail("Too many transfers run at the moment.")
            .member("limit", limit)
            .member("maximum", maximum)
            .retry_after(seconds.min(60) as u64)
    }
}

impl Queue {
    /// Whether a transfer may begin without waiting. Those who wait have been passed over for their own device's bound, or
    /// there is no place.
    fn is_free(&self, device: Option<DeviceId>, bounds: &Bounds) -> bool {
        let of_device = self.devices.get(&device).map_or(0, |lane| lane.running);
        self.running < bounds.in_all && of_device < bounds.of_a_device
    }

    fn wait(&mut self, device: Option<DeviceId>) -> oneshot::Receiver<Transfer> {
        let (sender, receiver) = oneshot::channel();
        let lane = self.devices.entry(device).or_default();
        lane.waiting.push_back(sender);
        self.waiting += 1;
        if lane.waiting.len() == 1 {
            self.turns.push_back(device);
        }
        receiver
    }

    /// The first who still waits of a device that has just lost its place among the turns; it gets a new one at the end.
    fn take_turn(&mut self, device: Option<DeviceId>) -> Option<oneshot::Sender<Transfer>> {
        let lane = self.devices.get_mut(&device)?;
        let before = lane.waiting.len();
        let turn = std::iter::from_fn(|| lane.waiting.pop_front()).find(|turn| !turn.is_closed());
        self.waiting -= before - lane.waiting.len();
        if !lane.waiting.is_empty() {
            self.turns.push_back(device);
        }
        turn
    }

    fn forget_who_gave_up(&mut self, device: Option<DeviceId>) {
        let Some(lane) = self.devices.get_mut(&device) else { return };
        let before = lane.waiting.len();
        lane.waiting.retain(|turn| !turn.is_closed());
        self.waiting -= before - lane.waiting.len();
        if lane.waiting.is_empty() {
            self.turns.retain(|waiting| *waiting != device);
        }
        self.forget_if_idle(device);
    }

    fn forget_if_idle(&mut self, device: Option<DeviceId>) {
        if self.devices.get(&device).is_some_and(|lane| lane.running == 0 && lane.waiting.is_empty()) {
            self.devices.remove(&device);
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        {
            let mut queue = self.transfers.locked();
            queue.running -= 1;
            let lane = queue.devices.get_mut(&self.device).expect("it was counted when it began");
            lane.running -= 1;
            queue.forget_if_idle(self.device);
        }
        self.transfers.serve();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfers(in_all: usize, of_a_device: usize) -> Transfers {
        Transfers::new(Bounds { in_all, of_a_device, wait: Duration::from_secs(5) })
    }

    fn device(number: u64) -> Option<DeviceId> {
        Some(DeviceId(number))
    }

    #[tokio::test]
    async fn a_device_and_all_together_have_their_bounds() {
        let transfers = Transfers::new(Bounds { in_all: 3, of_a_device: 2, wait: Duration::from_millis(10) });
        let one = transfers.begin(device(1)).await.unwrap();
        let _two = transfers.begin(device(1)).await.unwrap();
        let refused = transfers.begin(device(1)).await.unwrap_err().into_problem();
        assert_eq!(refused.members["limit"], "device_transfers");
        let _three = transfers.begin(device(2)).await.unwrap();
        let refused = transfers.begin(device(3)).await.unwrap_err().into_problem();
        assert_eq!(refused.members["limit"], "transfers");
        assert_eq!(refused.members["maximum"], 3);
        drop(one);
        assert_eq!((transfers.running(), transfers.waiting()), (2, 0));
        let _four = transfers.begin(device(1)).await.unwrap();
        assert_eq!(transfers.running(), 3);
    }

    #[tokio::test]
    async fn devices_take_turns_however_many_of_one_wait() {
        let transfers = transfers(1, 4);
        let first = transfers.begin(device(1)).await.unwrap();
        let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
        let mut waiting = Vec::new();
        for number in [1, 1, 1, 1, 1, 1, 2, 3] {
            let (transfers_of, order) = (transfers.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let transfer = transfers_of.begin(device(number)).await.unwrap();
                order.send(number).unwrap();
                drop(transfer);
            }));
            while transfers.waiting() < waiting.len() {
                tokio::task::yield_now().await;
            }
        }
        drop(first);
        for task in waiting {
            task.await.unwrap();
        }
        let mut numbers = Vec::new();
        while let Ok(number) = served.try_recv() {
            numbers.push(number);
        }
        assert_eq!(numbers, [1, 2, 3, 1, 1, 1, 1, 1]);
        assert_eq!((transfers.running(), transfers.waiting()), (0, 0));
        assert!(transfers.locked().devices.is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_takes_no_place() {
        let transfers = transfers(1, 1);
        let first = transfers.begin(device(1)).await.unwrap();
        let impatient = tokio::spawn({
            let transfers = transfers.clone();
            async move { transfers.begin(device(2)).await.map(drop).is_ok() }
        });
        while transfers.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        impatient.abort();
        let _ = impatient.await;
        drop(first);
        assert_eq!((transfers.running(), transfers.waiting()), (0, 0));
        drop(transfers.begin(device(1)).await.unwrap());
    }

    #[tokio::test]
    async fn only_so_many_of_one_device_wait() {
        let transfers = transfers(2, 1);
        let _running = transfers.begin(device(1)).await.unwrap();
        let mut waiting: Vec<_> =
            (0..WAITING_FOR_EACH).map(|_| Box::pin(transfers.begin(device(1)))).collect();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for future in &mut waiting {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        assert!(transfers.begin(device(1)).await.is_err());
        assert!(transfers.begin(device(2)).await.is_ok());
    }
}
