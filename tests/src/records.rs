use std::{sync::Arc, time::Duration};

use access::{Principal, TrialIssuer};
use business_time::{ManualClock, SystemClock, WallClock};
use contracts::{escalation::v1::ExportTimelineResponse, evidence::v1::ExportResponse};
use evidence::{AuditFile, TimelineFile, audit_file::FileRow, folder::timeline_path};
use liaison::{
    call::{self, CallError, Refused},
    folder::{FolderWriter, proto_json},
    player::Stage,
};
use serde_json::{Value, json};
use testkit::eventually_some;

use crate::firm::Firm;

impl Firm {
    /// A case's timeline as somebody exports it, as a file that a verifier reads.
    pub async fn timeline_file(&self, who: &str, case: &Value) -> TimelineFile {
        let answer = self.ok(who, "CaseService/ExportTimeline", json!({ "name": case })).await;
        let exported: ExportTimelineResponse = proto_json::from_value(&answer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let writer = FolderWriter::create(folder.path()).unwrap();
        writer.timeline(&exported).unwrap();
        TimelineFile::read(&folder.path().join(timeline_path(&exported.case))).unwrap()
    }

    /// A service's audit as the auditor exports it, as a file that a verifier reads.
    pub async fn audit(&self, service: &str) -> AuditFile {
        let mut blocks = Vec::new();
        loop {
            let request = json!({ "service": service, "afterBlock": blocks.len(), "pageSize": 200 });
            let answer = self.ok("staff/olga", "AuditService/Export", request).await;
            let page: ExportResponse = proto_json::from_value(&answer).unwrap();
            blocks.extend(page.blocks);
            if !page.more {
                return AuditFile::try_new(service, blocks, 0).unwrap();
            }
        }
    }

    /// The last row of a service's audit for which `wanted` holds. A refusal's is written beside the answer, not before it.
    pub async fn audited(&self, service: &str, wanted: impl Fn(&FileRow) -> bool) -> FileRow {
        let look = async || self.audit(service).await.rows().filter(|row| wanted(row)).last().cloned();
        eventually_some(Duration::from_secs(20), look).await
    }

    /// A genuine token that was valid for a minute, an hour ago.
    pub fn expired_token(&self, who: &str) -> String {
        let clock = ManualClock::new(SystemClock::now(&WallClock) - Duration::from_secs(3600));
        let issuer = TrialIssuer::open(&self.data().join("keys"), Arc::new(clock)).unwrap();
        issuer.mint(&Principal::parse(who).unwrap(), Duration::from_secs(60)).unwrap()
    }

    /// A call with this token, or with none.
    pub async fn call_with(&self, token: Option<&str>, method: &str, request: Value) -> Result<Value, Refused> {
        let method = Stage::find_method(method).unwrap();
        let channel = call::channel(&self.suite().address().to_string()).unwrap();
        let message = call::request(&method, &request.to_string()).unwrap();
        match call::unary(&channel, &method, message, token).await {
            Ok(answer) => Ok(call::json(&answer).unwrap()),
            Err(CallError::Refused(refused)) => Err(*refused),
            Err(error) => panic!("{error}"),
        }
    }
}
