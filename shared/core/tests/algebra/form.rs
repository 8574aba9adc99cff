//! `docs/MERGE.md`, "Paths" and "Operations and patches": malformed and invalid operations.

use crate::support::{json, ops, path, text};
use coinolio_core::algebra::{Op, Path, Token, check_patch};
use coinolio_core::error::Code;
use coinolio_core::json::{Value, read};

fn code(op: &str) -> Option<Code> {
    Op::from_json(&json(op)).err().map(|error| error.code)
}

fn patch_code(patch: &str) -> Option<Code> {
    check_patch(&ops(patch)).err().map(|error| error.code)
}

fn set_at(path: &str) -> Option<Code> {
    Path::from_json(&json(path)).err().map(|error| error.code)
}

#[test]
fn every_operation_is_written_as_it_was_read() {
    for op in [
        r#"{"op":"set","path":["assets","btc","amount"],"value":"2.0"}"#,
        r#"{"op":"set","path":["l",{"id":"tx_10"}],"value":{"id":"tx_10","type":"buy"},"after":null}"#,
        r#"{"op":"set","path":["l",{"_id":1.50}],"value":{"_id":1.50},"after":{"_id":"1"}}"#,
        r#"{"op":"set","path":["l",{"uuid":"u"},"m",{"value":"x"}],"value":"x","after":{"value":"y"}}"#,
        r#"{"op":"set","path":["l",{"value":{"a":[1,{"id":2}]}}],"value":{"a":[1,{"id":2}]}}"#,
        r#"{"op":"move","path":["l",{"id":"tx_7"}],"after":{"id":"tx_10"}}"#,
        r#"{"op":"move","path":["l",{"value":"a"}],"after":null}"#,
        r#"{"op":"delete","path":["l",{"id":"tx_9"}]}"#,
        r##"{"op":"delete","path":["","a.b","x/~","# @",""]}"##,
        r#"{"op":"set","path":["a"],"value":null}"#,
        r#"{"op":"set","path":["l",{"id":5,"nth":1},"v"],"value":null}"#,
        r#"{"op":"move","path":["l",{"value":"a","nth":2}],"after":{"_id":5,"nth":1}}"#,
        r#"{"op":"set","path":["l",{"value":{"nth":1},"nth":4294967295}],"value":{"nth":1}}"#,
    ] {
        assert_eq!(text(&Op::from_json(&json(op)).unwrap()), op);
    }
}

#[test]
fn unknown_members_are_ignored() {
    assert_eq!(code(r#"{"op":"delete","path":["a"],"modified_at":5,"new":{}}"#), None);
}

#[test]
fn wrong_types_and_missing_members_are_malformed() {
    for op in [
        "5",
        "[]",
        "null",
        "{}",
        r#"{"op":"set","path":["a"]}"#,
        r#"{"op":"set","value":1}"#,
        r#"{"path":["a"],"value":1}"#,
        r#"{"op":"replace","path":["a"],"value":1}"#,
        r#"{"op":1,"path":["a"],"value":1}"#,
        r#"{"op":"set","path":"a","value":1}"#,
        r#"{"op":"set","path":{},"value":1}"#,
        r#"{"op":"set","path":null,"value":1}"#,
        r#"{"op":"set","path":[1],"value":1}"#,
        r#"{"op":"set","path":["a",null],"value":1}"#,
        r#"{"op":"set","path":["a",["b"]],"value":1}"#,
        r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1},"after":5}"#,
        r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1},"after":"x"}"#,
        r#"{"op":"move","path":["l",{"id":1}],"after":["x"]}"#,
    ] {
        assert_eq!(code(op), Some(Code::Malformed), "{op}");
    }
}

#[test]
fn a_move_without_after_is_malformed() {
    assert_eq!(code(r#"{"op":"move","path":["l",{"id":1}]}"#), Some(Code::Malformed));
    assert_eq!(code(r#"{"op":"move","path":["l",{"id":1}],"after":null}"#), None);
}

#[test]
fn an_element_token_must_follow_the_name_of_its_list() {
    for wrong in [
        r#"[{"id":1}]"#,
        r#"[{"value":"a"}]"#,
        r#"["l",{"id":1},{"id":2}]"#,
        r#"["l",{"id":1},{"value":"a"}]"#,
    ] {
        assert_eq!(set_at(wrong), Some(Code::Invalid), "{wrong}");
    }
    assert_eq!(set_at(r#"["l",{"id":1},"m",{"_id":2}]"#), None);
}

#[test]
fn a_path_must_end_at_a_value_token() {
    for wrong in [r#"["l",{"value":{"a":1}},"a"]"#, r#"["l",{"value":"a"},{"id":1}]"#] {
        assert_eq!(set_at(wrong), Some(Code::Invalid), "{wrong}");
    }
}

#[test]
fn a_path_must_not_name_the_identity_field_of_its_element_token() {
    for wrong in [
        r#"["l",{"id":1},"id"]"#,
        r#"["l",{"_id":1},"_id","x"]"#,
        r#"["l",{"uuid":1},"uuid"]"#,
    ] {
        assert_eq!(set_at(wrong), Some(Code::Invalid), "{wrong}");
    }
    for right in [r#"["l",{"_id":1},"id"]"#, r#"["l",{"id":1},"x","id"]"#, r#"["a","id"]"#] {
        assert_eq!(set_at(right), None, "{right}");
    }
}

#[test]
fn an_element_token_must_name_exactly_one_identity() {
    for wrong in [
        r#"["l",{"id":1,"_id":1}]"#,
        r#"["l",{"id":1,"value":"a"}]"#,
        r#"["l",{}]"#,
        r#"["l",{"key":1}]"#,
        r#"["l",{"id":null}]"#,
        r#"["l",{"id":true}]"#,
        r#"["l",{"id":{"id":1}}]"#,
        r#"["l",{"value":1}]"#,
        r#"["l",{"value":null}]"#,
        r#"["l",{"value":["a"]}]"#,
        r#"["l",{"nth":1}]"#,
        r#"["l",{"id":1,"_id":1,"nth":1}]"#,
        r#"["l",{"id":1,"nth":1,"x":1}]"#,
        "[]",
    ] {
        assert_eq!(set_at(wrong), Some(Code::Invalid), "{wrong}");
    }
    let after = r#"{"op":"move","path":["l",{"id":1}],"after":{"id":2,"_id":2}}"#;
    assert_eq!(code(after), Some(Code::Invalid));
}

#[test]
fn the_nth_of_a_token_must_be_a_whole_number_of_at_least_1() {
    for wrong in ["0", "-1", "1.5", "null", "\"1\"", "true", "[1]", "4294967296", "1e400"] {
        for name in [r#""id":5"#, r#""value":"a""#] {
            let token = format!(r#"{{{name},"nth":{wrong}}}"#);
            if let Ok(token) = read(token.as_bytes()) {
                assert_eq!(
                    Token::from_json(&token).err().map(|error| error.code),
                    Some(Code::Invalid)
                );
            }
        }
    }
    for right in ["1", "1.0", "10e-1", "4294967295"] {
        assert_eq!(set_at(&format!(r#"["l",{{"id":5,"nth":{right}}},"v"]"#)), None);
    }
    let twice = patch_code(
        r#"[{"op":"delete","path":["l",{"id":5,"nth":1}]},{"op":"set","path":["l",{"nth":1.0,"id":5},"v"],"value":1}]"#,
    );
    assert_eq!(twice, Some(Code::Invalid));
    let different = patch_code(
        r#"[{"op":"delete","path":["l",{"id":5,"nth":1}]},{"op":"set","path":["l",{"id":5},"v"],"value":1}]"#,
    );
    assert_eq!(different, None);
}

#[test]
fn an_element_cannot_be_set_to_another_identity() {
    for wrong in [
        r#"{"op":"set","path":["l",{"id":1}],"value":{"id":2}}"#,
        r#"{"op":"set","path":["l",{"id":1}],"value":{"id":"1"}}"#,
        r#"{"op":"set","path":["l",{"id":1}],"value":{"_id":1}}"#,
        r#"{"op":"set","path":["l",{"id":1}],"value":1}"#,
        r#"{"op":"set","path":["l",{"id":1}],"value":null}"#,
        r#"{"op":"set","path":["l",{"value":"a"}],"value":"b"}"#,
        r#"{"op":"set","path":["l",{"value":{"a":1}}],"value":{"a":2}}"#,
    ] {
        assert_eq!(code(wrong), Some(Code::Invalid), "{wrong}");
    }
    for right in [
        r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1.0,"a":2}}"#,
        r#"{"op":"set","path":["l",{"_id":1}],"value":{"_id":1,"id":7}}"#,
        r#"{"op":"set","path":["l",{"value":{"a":1}}],"value":{"a":10e-1}}"#,
    ] {
        assert_eq!(code(right), None, "{right}");
    }
}

#[test]
fn only_an_element_can_be_moved() {
    assert_eq!(
        code(r#"{"op":"move","path":["a","b"],"after":null}"#),
        Some(Code::Invalid)
    );
}

#[test]
fn the_paths_of_a_patch_must_not_be_equal_or_inside_each_other() {
    let set = |path: &str| format!(r#"{{"op":"set","path":{path},"value":1}}"#);
    let delete = |path: &str| format!(r#"{{"op":"delete","path":{path}}}"#);
    let element = r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1}}"#.to_owned();
    let inside = set(r#"["l",{"id":1},"x"]"#);
    let moved = r#"{"op":"move","path":["l",{"id":1}],"after":null}"#.to_owned();
    let moved_again = r#"{"op":"move","path":["l",{"id":1.0}],"after":{"id":2}}"#.to_owned();
    for (a, b) in [
        (set(r#"["a"]"#), set(r#"["a"]"#)),
        (set(r#"["a"]"#), delete(r#"["a"]"#)),
        (set(r#"["a"]"#), set(r#"["a","b"]"#)),
        (delete(r#"["a"]"#), delete(r#"["a","b","c"]"#)),
        (set(r#"["l"]"#), moved.clone()),
        (delete(r#"["l"]"#), inside.clone()),
        (element.clone(), inside.clone()),
        (element.clone(), moved.clone()),
        (delete(r#"["l",{"id":1}]"#), moved.clone()),
        (delete(r#"["l",{"id":1}]"#), inside.clone()),
        (moved.clone(), moved_again),
    ] {
        for patch in [format!("[{a},{b}]"), format!("[{b},{a}]")] {
            assert_eq!(patch_code(&patch), Some(Code::Invalid), "{patch}");
        }
    }
    for (a, b) in [
        (set(r#"["a"]"#), set(r#"["ab"]"#)),
        (set(r#"["a","b"]"#), delete(r#"["a","c"]"#)),
        (set(r#"["a.b"]"#), set(r#"["a","b"]"#)),
        (moved.clone(), set(r#"["l",{"id":"1"},"x"]"#)),
        (element, set(r#"["l",{"id":"1"},"x"]"#)),
    ] {
        for patch in [format!("[{a},{b}]"), format!("[{b},{a}]")] {
            assert_eq!(patch_code(&patch), None, "{patch}");
        }
    }
}

#[test]
fn an_element_may_be_moved_and_edited_inside() {
    let moved = r#"{"op":"move","path":["l",{"id":1}],"after":null}"#;
    let inside = r#"{"op":"set","path":["l",{"id":1},"x"],"value":1}"#;
    let deeper = r#"{"op":"move","path":["l",{"id":1},"m",{"id":1}],"after":null}"#;
    for patch in [
        format!("[{moved},{inside},{deeper}]"),
        format!("[{deeper},{inside},{moved}]"),
    ] {
        assert_eq!(patch_code(&patch), None, "{patch}");
    }
}

#[test]
fn path_and_value_together_may_nest_64_levels() {
    let names = |count: usize| vec![r#""a""#; count].join(",");
    let nested = |depth: usize| match depth {
        0 => "1".to_owned(),
        _ => "[".repeat(depth) + &"]".repeat(depth),
    };
    let set =
        |path: usize, value: usize| format!(r#"{{"op":"set","path":[{}],"value":{}}}"#, names(path), nested(value));
    for (path, value) in [(64, 0), (1, 63), (32, 32)] {
        assert_eq!(code(&set(path, value)), None, "{path} and {value}");
    }
    // The reader accepts all of these.
    for (path, value) in [(65, 0), (2, 63), (33, 32)] {
        assert_eq!(code(&set(path, value)), Some(Code::Invalid), "{path} and {value}");
    }
    let delete = |path: usize| format!(r#"{{"op":"delete","path":[{}]}}"#, names(path));
    assert_eq!(code(&delete(64)), None);
    assert_eq!(code(&delete(65)), Some(Code::Invalid));
    // The element in the token would be part of the document.
    let element = |depth: usize| {
        let object = r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
        format!(r#"{{"op":"delete","path":["l",{{"value":{object}}}]}}"#)
    };
    assert_eq!(code(&element(62)), None);
    assert_eq!(code(&element(63)), Some(Code::Invalid));
}

#[test]
fn a_v1_path_is_joined_by_dots_and_shows_elements_by_their_identity() {
    for (tokens, dotted) in [
        (r#"["transactions",{"id":"tx_9"},"amount"]"#, "transactions.tx_9.amount"),
        (r#"["l",{"_id":7}]"#, "l.7"),
        (r#"["tags",{"value":"defi"}]"#, "tags.defi"),
        (r#"["l",{"id":7,"nth":1},"v"]"#, "l.7.v"),
        (r#"["l",{"value":{"a":1},"nth":1}]"#, r#"l.{"a":1}"#),
        (r#"["a.b",""]"#, "a.b."),
    ] {
        assert_eq!(path(tokens).dotted(), dotted);
    }
}

#[test]
fn a_path_is_written_as_it_was_read() {
    for tokens in [r#"["l",{"id":1.50},"m",{"value":{"a":null}}]"#, r#"["",""]"#] {
        assert_eq!(text(&path(tokens)), tokens);
    }
    assert!(matches!(json(&text(&path(r#"["a"]"#))), Value::List(_)));
}

#[test]
fn a_child_has_one_more_token_than_its_parent() {
    let child = path(r#"["l",{"id":1}]"#).child(Token::Member("v".into()));
    assert_eq!(child, path(r#"["l",{"id":1},"v"]"#));
}
