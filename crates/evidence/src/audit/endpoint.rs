use std::collections::HashMap;

use contracts::evidence::v1::{
    ExportRequest, ExportResponse, VerifyRequest, VerifyResponse, audit_service_server::AuditService,
};
use database::{Database, DbErr};
use refusal::{Kind, Refusal};
use tonic::{Request, Response, Status};

use super::{
    blocks::previous_text,
    read::{export, verify},
};

/// `liaison.evidence.v1.AuditService` for the services whose databases this process holds.
#[derive(Clone, Debug)]
pub struct AuditEndpoint(HashMap<&'static str, Database>);

/// The audit service of these services, by name; one of any other name is `NOT_FOUND` with reason `SERVICE_NOT_HERE`.
pub fn service(services: Vec<(&'static str, Database)>) -> AuditEndpoint {
    AuditEndpoint(services.into_iter().collect())
}

impl AuditEndpoint {
    fn database(&self, service: &str) -> Result<&Database, Status> {
        self.0.get(service).ok_or_else(|| {
            let message = "this process does not keep the audit of that service";
            Refusal::new(Kind::NotFound, "SERVICE_NOT_HERE", message).with("service", service).into()
        })
    }
}

#[tonic::async_trait]
impl AuditService for AuditEndpoint {
    async fn verify(&self, request: Request<VerifyRequest>) -> Result<Response<VerifyResponse>, Status> {
        let db = self.database(&request.get_ref().service)?;
        let verdict = verify(db).await.map_err(failed)?;
        Ok(Response::new(VerifyResponse {
            consistent: verdict.consistent(),
            sealed_through: verdict.verified.count,
            unsealed: verdict.unsealed,
            head: previous_text(&verdict.verified.hash),
            finding: verdict.finding.map(|fault| fault.to_string()).unwrap_or_default(),
        }))
    }

    async fn export(&self, request: Request<ExportRequest>) -> Result<Response<ExportResponse>, Status> {
        let request = request.get_ref();
        let db = self.database(&request.service)?;
        let page = u32::try_from(request.page_size).unwrap_or_default();
        let (blocks, more) = export(db, request.after_block, page).await.map_err(failed)?;
        Ok(Response::new(ExportResponse { blocks, more }))
    }
}

fn failed(error: DbErr) -> Status {
    tracing::error!(error = %error, "audit could not be read");
    Refusal::internal().into()
}
