//! Names of C's RPC headers that files use without defining them, as rpcgen lets them.

use crate::ast::Definition;
use crate::parse::parse;

const NAMES: &str = "
typedef unsigned char u_char; typedef unsigned short u_short;
typedef unsigned int u_int; typedef unsigned int u_long;
typedef hyper quad_t; typedef unsigned hyper u_quad_t;
typedef hyper longlong_t; typedef unsigned hyper u_longlong_t;
typedef char int8_t; typedef unsigned char uint8_t; typedef unsigned char u_int8_t;
typedef short int16_t; typedef unsigned short uint16_t; typedef unsigned short u_int16_t;
typedef int int32_t; typedef unsigned int uint32_t; typedef unsigned int u_int32_t;
typedef hyper int64_t; typedef unsigned hyper uint64_t; typedef unsigned hyper u_int64_t;
typedef bool bool_t;
typedef unsigned int rpcprog_t; typedef unsigned int rpcvers_t; typedef unsigned int rpcproc_t;
typedef unsigned int rpcprot_t; typedef unsigned int rpcport_t;
typedef opaque netobj<1024>; typedef opaque des_block[8];
struct netbuf { unsigned int maxlen; opaque buf<>; };
";

/// The names that constants may have without being defined.
pub(crate) const NUMBERS: [(&str, i64); 2] = [("FALSE", 0), ("TRUE", 1)];

/// The definitions behind the names.
pub(crate) fn definitions() -> Vec<Definition> {
    // Its own text is read without faults, which a test sees to.
    parse(NAMES).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::definitions;

    #[test]
    fn all_names_are_read() {
        assert_eq!(definitions().len(), 29);
    }
}
