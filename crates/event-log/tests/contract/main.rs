//! The log's contract: one suite over both transports and both databases.
//!
//! - `ordinary`, `faults`, `restores`, `rivals`, `poison`, `storms`: what must hold, on the profiles below.
//! - `controls`: for each rule on which that rests, the same steps with the rule and without it.
//! - `over_grpc`, `traces`: how it is reached and seen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod controls;
mod faults;
mod ordinary;
mod over_grpc;
mod poison;
mod restores;
mod rivals;
mod storms;
mod support;
mod traces;

/// Makes a module of tests of each subject for a profile. On PostgreSQL what the database decides; the transport's faults come
/// to it in the storms.
macro_rules! contract {
    ($module:ident on $profile:ident: $($subject:ident),+) => {
        mod $module { $(subject! { $subject on $profile })+ }
    };
}

macro_rules! tests {
    ($subject:ident on $profile:ident: $($name:ident),+ $(,)?) => {
        mod $subject {
            use crate::support::{Profile, run};
            $(#[test] fn $name() { run(Profile::$profile, crate::$subject::$name); })+
        }
    };
}

macro_rules! subject {
    (ordinary on $profile:ident) => {
        tests! { ordinary on $profile:
            what_is_told_is_handled_once_and_in_order,
            a_reader_that_comes_late_begins_at_the_beginning,
            what_is_rolled_back_is_not_told,
            the_same_cause_tells_its_event_once,
            a_relay_finds_what_nobody_woke_it_for,
            a_relay_and_a_reader_that_stop_are_followed_at_once,
            replay_answers_in_pages_and_with_the_end,
            large_events_are_replayed_in_bounded_answers,
        }
    };
    (faults on $profile:ident) => {
        tests! { faults on $profile:
            a_flushed_transport_loses_nothing,
            a_flush_while_events_flow_loses_nothing,
            a_trimmed_stream_is_filled_up_from_the_producer,
            an_empty_transport_gets_no_more_than_it_keeps,
            holes_inside_a_batch_are_filled,
            a_rewound_transport_is_brought_up_to_date,
            a_top_that_we_never_wrote_is_another_incarnation,
            a_stream_that_was_there_before_us_is_deleted_first,
            garbage_at_the_next_place_is_not_taken_for_an_event,
            a_stranger_at_a_place_that_was_given_already_is_found_out,
            a_stranger_that_gets_in_the_way_of_the_relay_is_found_out_by_the_refusal,
            an_event_of_another_history_is_not_handled,
            a_key_that_is_no_stream_is_replaced,
            without_the_transport_events_flow_by_replay,
            what_a_producer_published_is_handled_while_it_is_down,
            nothing_is_numbered_before_the_transport_was_seen_once,
        }
    };
    (restores on $profile:ident) => {
        tests! { restores on $profile:
            a_restored_producer_gets_a_new_incarnation_before_it_numbers,
            a_producer_restored_twice_uses_no_incarnation_again,
            a_dump_older_than_the_last_incarnation_does_not_use_that_one_again,
            a_producer_behind_its_reader_is_a_fork,
            a_producer_that_has_caught_up_with_its_reader_is_a_fork_too,
            a_restored_reader_does_again_what_its_restore_undid,
            a_reader_restored_to_before_what_is_pruned_takes_a_snapshot,
            a_new_reader_of_a_pruned_outbox_takes_a_snapshot_first,
            what_a_snapshot_has_seen_is_not_undone_by_the_events_behind_it,
            the_admin_verb_makes_every_reader_take_a_snapshot,
            a_reader_without_a_snapshot_stands_still_and_says_why,
            a_snapshot_that_is_cut_short_is_taken_again,
            a_snapshot_may_take_longer_than_the_lease,
            a_dump_that_is_put_into_another_database_is_a_new_incarnation,
        }
    };
    (rivals on $profile:ident) => {
        tests! { rivals on $profile:
            two_relays_at_once_do_no_harm,
            two_readers_at_once_do_everything_once,
            a_second_relay_and_reader_wait_for_the_lease,
            the_lease_of_one_that_was_killed_ends_by_itself,
            a_reader_killed_between_effects_and_commit_does_them_once,
            a_relay_killed_at_any_moment_loses_and_doubles_nothing,
            writers_of_one_thing_are_told_in_the_order_of_their_commits,
            a_conflict_or_an_outage_blames_no_event,
            a_reader_that_was_overtaken_leaves_without_a_touch,
            a_command_that_is_still_open_holds_nobody_up,
        }
    };
    (poison on $profile:ident) => {
        tests! { poison on $profile:
            a_hopeless_event_is_laid_aside_with_those_behind_it,
            an_event_that_fails_for_a_while_is_handled_in_the_end,
            an_event_that_fails_too_often_is_laid_aside,
            a_handler_that_panics_is_one_that_fails,
            a_statement_that_fails_is_the_events_own_fault,
            a_type_that_this_release_does_not_know_is_laid_aside,
            dead_letters_that_are_asked_for_are_handled_in_their_order,
            a_dead_letter_that_fails_again_stays_one_with_its_new_reason,
        }
    };
    (storms on $profile:ident) => {
        tests! { storms on $profile:
            a_storm_of_faults_loses_and_doubles_nothing,
            another_storm_of_faults_loses_and_doubles_nothing,
        }
    };
}

contract! { in_process_on_sqlite on InProcessOnSqlite: ordinary, faults, restores, rivals, poison, storms }
contract! { in_process_on_postgres on InProcessOnPostgres: restores, rivals, storms }
contract! { redis_on_sqlite on RedisOnSqlite: ordinary, faults, restores, rivals, poison, storms }
contract! { redis_on_postgres on RedisOnPostgres: ordinary, restores, rivals, poison, storms }
