use std::io::Read as _;

use flate2::read::GzDecoder;

use super::*;

fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

fn unzip(member: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(member);
    decoder.read_to_end(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes after the member");
    text
}

#[test]
fn pieces_in_any_order_are_one_member() {
    let line = b"batch_job_info{namespace=\"a\"} 1\n";
    let texts = [
        Vec::new(),
        line.repeat(5_000),
        random_bytes(1, 100_000),
        line.to_vec(),
        random_bytes(2, 1),
    ];
    let mut deflater = Deflater::new();
    let pieces = texts.each_ref().map(|text| deflater.deflate(text).unwrap());
    assert!(pieces[0].is_empty() && pieces[1].len() < 5_000);
    for order in [
        vec![],
        vec![0],
        vec![1, 1, 3],
        vec![0, 1, 2, 3, 4],
        vec![4, 3, 2, 1, 0, 2],
    ] {
        let mut member = Member::new();
        let mut expected = Vec::new();
        for at in order {
            member.push(&pieces[at]);
            expected.extend_from_slice(&texts[at]);
        }
        member.finish();
        assert!(unzip(&member.take()) == expected);
    }
}

#[test]
fn a_piece_of_any_length_is_complete() {
    let mut deflater = Deflater::new();
    for length in (0..300).chain([4_095, 4_096, 65_535, 65_536, 1_000_003]) {
        let text = random_bytes(length as u64, length);
        let mut member = Member::new();
        member.push(&deflater.deflate(&text).unwrap());
        member.finish();
        assert!(unzip(&member.take()) == text, "{length}");
    }
}
