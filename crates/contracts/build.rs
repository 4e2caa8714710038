//! Compiles `proto/` without protoc: types, clients and servers, and the descriptor set with its custom options.

use std::{env, error::Error, fs, path::PathBuf};

use prost_reflect::DescriptorPool;
use protox::{
    Compiler,
    file::{ChainFileResolver, DescriptorSetFileResolver, GoogleFileResolver, IncludeFileResolver},
};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    find_protos(&root, &mut files)?;
    files.sort();

    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new(root.clone()));
    resolver.add(GoogleFileResolver::new());
    resolver.add(DescriptorSetFileResolver::new(pool_files(&prost_protovalidate_types::DESCRIPTOR_POOL)));
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    for file in &files {
        compiler.open_file(file.strip_prefix(&root)?)?;
    }

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    // Options of other packages are read through reflection; types are generated for ours alone.
    let mut set = compiler.file_descriptor_set();
    set.file.retain(|file| file.package() != "buf.validate");
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names().include_file("contracts.rs");
    tonic_prost_build::configure().build_transport(false).compile_fds_with_config(set, config)?;
    Ok(())
}

fn find_protos(folder: &std::path::Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_protos(&path, into)?;
        } else if path.extension().is_some_and(|kind| kind == "proto") {
            into.push(path);
        }
    }
    Ok(())
}

fn pool_files(pool: &DescriptorPool) -> prost_types::FileDescriptorSet {
    prost_types::FileDescriptorSet { file: pool.file_descriptor_protos().cloned().collect() }
}
