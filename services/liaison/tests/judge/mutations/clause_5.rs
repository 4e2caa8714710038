use contracts::reporting::v1::{Report, ReportFormat, ReportState, SubmissionOutcome};

use super::*;

fn first(bench: &Bench, fits: impl Fn(&Report) -> bool, change: impl FnOnce(&mut Report)) -> Option<()> {
    let mut done = false;
    bench.protos::<Report>(names::REPORTS, |reports| {
        if let Some(report) = reports.iter_mut().find(|report| fits(report)) {
            change(report);
            done = true;
        }
    });
    done.then_some(())
}

pub(super) fn other_form(bench: &Bench) -> Option<()> {
    first(bench, |_| true, |report| report.format = ReportFormat::Pptx.into())
}

pub(super) fn period_twice(bench: &Bench) -> Option<()> {
    let mut done = false;
    bench.protos::<Report>(names::REPORTS, |reports| {
        let Some(report) = reports.iter().find(|report| report.state() != ReportState::Cancelled).cloned() else {
            return;
        };
        reports.push(Report { name: "reports/once-more".to_owned(), ..report });
        done = true;
    });
    done.then_some(())
}

pub(super) fn approved_by_another(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let approved = |report: &Report| report.submissions.iter().any(|one| one.outcome() == SubmissionOutcome::Approved);
    first(bench, approved, |report| {
        for one in report.submissions.iter_mut().filter(|one| one.outcome() == SubmissionOutcome::Approved) {
            let other = evidence.staff.keys().rev().find(|name| **name != one.decider).unwrap();
            one.decider.clone_from(other);
        }
    })
}

pub(super) fn late_unnoticed(bench: &Bench) -> Option<()> {
    let end = bench.evidence().run.end_time;
    let open = |report: &Report| report.state() != ReportState::Cancelled;
    first(bench, open, |report| {
        let late = report.deliver_time.unwrap_or(crate::world::proto(end));
        report.due_time = Some(prost_types::Timestamp { seconds: late.seconds - 3600, nanos: 0 });
        report.overdue_time = None;
    })
}
