#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| job_status_exporter::fuzzing::run("protobuf", input));
