//! Everything at once, by a seed.

use std::{sync::Mutex, time::Duration};

use event_log::{Position, Rules};
use futures_util::future::join;

use crate::support::{Act, NO_LEASES, World, comes};

/// A small generator, so that a seed gives the same storm everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Writers go on while the transport is flushed, rewound, holed and trimmed, and relays and readers are killed and doubled.
/// No restores: nobody needs a snapshot.
async fn storm(mut world: World, seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
    world.log = world.log.clone().with_rules(NO_LEASES);
    let mut failing = Dice(seed + 77);
    let mut failed = false;
    let fails = Mutex::new(move || {
        // Never often enough in a row to become a dead letter.
        failed = !failed && failing.roll(20) == 0;
        failed
    });
    world.ledger.play(move |_, _| if (fails.lock().unwrap())() { Act::Retry } else { Act::Do });
    let world = &world;
    let writing = async {
        for round in 0..25 {
            world.tell_many(&["a", "b", "c"][..1 + round % 3], 1).await;
        }
    };
    let raging = async {
        let rules: Rules = NO_LEASES;
        let (mut relays, mut readers) = (vec![world.relay()], vec![world.reader_with(rules, world.ledger.clone())]);
        for _ in 0..14 {
            match dice.roll(8) {
                0 => world.flush().await,
                1 => {
                    let to = dice.roll(20);
                    world.rewind(Position::new(1, to)).await;
                }
                2 => {
                    let (which, of) = (dice.roll(3), 3);
                    world.forget(|at| at.position % of == which).await;
                }
                3 => relays.swap_remove(0).kill().await,
                4 => readers.swap_remove(0).kill().await,
                5 => relays.push(world.relay()),
                6 => readers.push(world.reader_with(rules, world.ledger.clone())),
                _ => {}
            }
            if relays.is_empty() {
                relays.push(world.relay());
            }
            if readers.is_empty() {
                readers.push(world.reader_with(rules, world.ledger.clone()));
            }
            // Some moment.
            comes(Duration::from_millis(dice.roll(25)), || async { false }).await;
        }
        (relays, readers)
    };
    let ((), running) = join(writing, raging).await;
    world.settle().await;
    world.kept().await;
    drop(running);
}

pub async fn a_storm_of_faults_loses_and_doubles_nothing(world: World) {
    let seed = std::env::var("STORM").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    storm(world, seed).await;
}

pub async fn another_storm_of_faults_loses_and_doubles_nothing(world: World) {
    storm(world, 2).await;
}
