//! Input that nobody meant, for tests of whatever reads something from outside: rubbish, and what is nearly right.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A change of a text.
#[derive(Clone, Debug)]
enum Edit {
    /// Another byte in its place.
    Set(u8),
    /// More in between.
    Insert(Vec<u8>),
    /// Less by so many bytes.
    Cut(usize),
    /// All from there on once more.
    Again,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<u8>().prop_map(Edit::Set),
        prop_oneof![vec(any::<u8>(), 1..8), Just(b"\n".to_vec()), Just(b"99999999999999999999".to_vec())]
            .prop_map(Edit::Insert),
        (1..40_usize).prop_map(Edit::Cut),
        Just(Edit::Again),
    ]
}

fn apply(mut text: Vec<u8>, edits: Vec<(Index, Edit)>) -> Vec<u8> {
    for (place, edit) in edits {
        let at = place.index(text.len() + 1);
        match edit {
            Edit::Set(byte) => text.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            Edit::Insert(more) => drop(text.splice(at..at, more)),
            Edit::Cut(many) => drop(text.drain(at..text.len().min(at + many))),
            Edit::Again => text.extend_from_within(at..),
        }
    }
    text
}

/// Bytes that are one of `samples` but for a few edits, and now and then mere rubbish.
pub fn near<T: AsRef<[u8]>>(samples: &[T]) -> impl Strategy<Value = Vec<u8>> + use<T> {
    of(samples.iter().map(|sample| sample.as_ref().to_vec()).collect())
}

/// As [`near`], and text.
pub fn near_text(samples: &[&str]) -> impl Strategy<Value = String> + use<> {
    of(samples.iter().map(|sample| sample.as_bytes().to_vec()).collect())
        .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn of(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> + use<> {
    let edits = vec((any::<Index>(), edit()), 0..6);
    let edited = (select(samples), edits).prop_map(|(text, edits)| apply(text, edits));
    prop_oneof![1 => vec(any::<u8>(), 0..300), 4 => edited]
}
