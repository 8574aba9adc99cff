//! Whether a change touched the value at a path.

use crate::algebra::{IdentityField, Path, Token};
use crate::json::Value;
use crate::wire::v2::HistoryPath;

/// Tells whether turning `before`, the value at `path`, into `after` touches the value at `requested`: it is the same
/// value, one around it, or one inside it that differs. A moved element has neither value, and touches nothing inside
/// it.
pub(super) fn is_touched(
    requested: &HistoryPath,
    path: &[&Token],
    before: Option<&Value>,
    after: Option<&Value>,
) -> bool {
    let steps = steps(requested);
    let is_on_the_way = steps.iter().zip(path).all(|(step, token)| step.matches(token));
    if !is_on_the_way {
        return false;
    }
    let inside = steps.get(path.len()..).unwrap_or_default();
    inside.is_empty() || find(before, inside) != find(after, inside)
}

/// A step of a requested path.
#[derive(Clone, Copy)]
enum Step<'a> {
    Token(&'a Token),
    /// The name of a member, or the identity of an element as text.
    Text(&'a str),
}

fn steps(path: &HistoryPath) -> Vec<Step<'_>> {
    match path {
        HistoryPath::Tokens(path) => path.tokens().iter().map(Step::Token).collect(),
        HistoryPath::Dotted(names) => names.iter().map(|name| Step::Text(name)).collect(),
    }
}

impl Step<'_> {
    fn matches(self, token: &Token) -> bool {
        match self {
            Self::Token(requested) => requested == token,
            Self::Text(text) => Path::from(vec![token.clone()]).dotted() == text,
        }
    }

    /// Returns the name of the member that the step may name.
    fn member(&self) -> Option<&str> {
        match self {
            Self::Token(Token::Member(name)) => Some(name),
            Self::Token(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    fn names_element(self, element: &Value) -> bool {
        match self {
            Self::Token(token) => token.names(element),
            Self::Text(text) => match element {
                Value::String(name) => **name == *text,
                _ => identity(element).is_some_and(|identity| is_written(identity, text)),
            },
        }
    }
}

/// Returns the value of the first identity field that `element` has.
fn identity(element: &Value) -> Option<&Value> {
    let members = element.as_object()?;
    IdentityField::ALL.iter().find_map(|field| members.get(field.as_str()))
}

/// Tells whether an identity is written as `text`.
fn is_written(identity: &Value, text: &str) -> bool {
    match identity {
        Value::String(name) => **name == *text,
        Value::Number(_) => identity.to_json() == text.as_bytes(),
        _ => false,
    }
}

/// Returns the value at `steps` inside `value`.
fn find<'v>(value: Option<&'v Value>, steps: &[Step<'_>]) -> Option<&'v Value> {
    let mut at = value?;
    for step in steps {
        at = match at {
            Value::Object(members) => members.get(step.member()?)?,
            Value::List(elements) => elements.iter().find(|element| step.names_element(element))?,
            _ => return None,
        };
    }
    Some(at)
}
