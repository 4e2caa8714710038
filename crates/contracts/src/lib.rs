//! The suite's contracts: generated types, clients, servers, and the descriptor set they come from.
//!
//! Nothing here is written by hand. A new package is a new folder under `proto/liaison/`; the build finds it. Types are
//! reached as their package is named: `contracts::escalation::v1::Case`.

#![expect(missing_docs, reason = "generated from the comments in proto/")]

/// Every file below `proto/` and what it imports, encoded as a `google.protobuf.FileDescriptorSet` with source info and
/// custom options; what reflection serves and what the permission and validation layers read.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

mod generated {
    #![expect(clippy::pedantic, clippy::all, clippy::allow_attributes, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
}

pub use generated::liaison::*;

/// The descriptor pool over [`DESCRIPTORS`], decoded once.
pub fn pool() -> &'static prost_reflect::DescriptorPool {
    static POOL: std::sync::OnceLock<prost_reflect::DescriptorPool> = std::sync::OnceLock::new();
    POOL.get_or_init(|| {
        prost_reflect::DescriptorPool::decode(DESCRIPTORS).expect("the build wrote a descriptor set that decodes")
    })
}
