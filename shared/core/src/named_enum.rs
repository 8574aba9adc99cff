//! Enums whose variants are stored and sent by name.

/// Declares an enum together with the name of each variant.
///
/// A variant cannot be declared without its name, and `parse` tries all of them: whatever this version writes, it also
/// reads back.
macro_rules! named_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $enum:ident {
            $($(#[$variant_attribute:meta])* $variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $enum {
            $($(#[$variant_attribute])* $variant,)+
        }

        impl $enum {
            /// Every variant, in the order of its declaration.
            $visibility const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Returns the name, as stored and sent.
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns the variant with this name, or `None` if there is none.
            $visibility fn parse(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|variant| variant.as_str() == name)
            }
        }
    };
}

pub(crate) use named_enum;

#[cfg(test)]
mod tests {
    use crate::algebra::{IdentityField, Rule, Winner};
    use crate::error::Code;
    use crate::log::Kind;
    use crate::wire::Outcome;

    #[test]
    fn every_name_is_unique_and_read_back_as_its_variant() {
        for rule in Rule::ALL {
            assert_eq!(Rule::parse(rule.as_str()), Some(rule));
        }
        for winner in Winner::ALL {
            assert_eq!(Winner::parse(winner.as_str()), Some(winner));
        }
        for field in IdentityField::ALL {
            assert_eq!(IdentityField::parse(field.as_str()), Some(field));
        }
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
        for unknown in ["", "Newest", "newest "] {
            assert_eq!(Rule::parse(unknown), None, "{unknown:?}");
        }
    }
}
