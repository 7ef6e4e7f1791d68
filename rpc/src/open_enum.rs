//! Numbers with names, of which a newer server may have more.

/// Makes a type of a number with named values.
macro_rules! open_enum {
    (
        $(#[$about:meta])*
        $name:ident {
            $($(#[$doc:meta])* $constant:ident = $value:literal $word:literal,)*
        }
    ) => {
        $(#[$about])*
        ///
        /// Values without a name are kept.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i32);

        impl $name {
            $($(#[$doc])* pub const $constant: Self = Self($value);)*

            /// The value in a word, as it is printed; none if it is not known here.
            #[must_use]
            #[allow(unreachable_patterns)]
            pub fn word(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($word),)*
                    _ => None,
                }
            }
        }

        impl From<i32> for $name {
            fn from(value: i32) -> Self {
                Self(value)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self.word() {
                    Some(word) => f.pad(word),
                    None => ::std::fmt::Display::fmt(&self.0, f),
                }
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}
pub(crate) use open_enum;

#[cfg(test)]
mod tests {
    use crate::enums::DomainState;
    use crate::flags::DomainCreateFlags;

    #[test]
    fn a_number_without_a_name_is_kept() {
        assert_eq!(DomainState::RUNNING, DomainState::from(1));
        assert_eq!(format!("{:?}", DomainState(1)), "DomainState(running)");
        assert_eq!(format!("{:>4}|", DomainState(99)), "  99|");
        assert_eq!(DomainState(99).word(), None);
    }

    #[test]
    fn a_bit_without_a_name_is_kept() {
        let flags = DomainCreateFlags::from_bits_retain(0x8000_0001);
        assert!(flags.contains(DomainCreateFlags::PAUSED));
        assert_eq!(flags.bits(), 0x8000_0001);
        assert_eq!(
            (flags | DomainCreateFlags::VALIDATE).bits() & 0x8000_0000,
            0x8000_0000
        );
    }
}
