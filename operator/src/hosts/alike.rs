//! What many machines have alike is kept once: a fleet has thousands of a few sizes.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use drover_core::fields::Value;

// So many different ones are kept before those that nobody has any more are looked for.
const MOST: usize = 1_024;

static KNOWN: LazyLock<Mutex<HashSet<Arc<Vec<Value>>>>> = LazyLock::new(Mutex::default);

/// Puts what is known already, if it is the same, in its place.
pub(super) fn share(values: &mut Arc<Vec<Value>>) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = known.get(values) {
        *values = Arc::clone(same);
        return;
    }
    if known.len() >= MOST {
        known.retain(|it| Arc::strong_count(it) > 1);
    }
    // A fleet in which all differ is none the worse.
    if known.len() < MOST {
        known.insert(Arc::clone(values));
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Value, share};

    #[test]
    fn equal_ones_are_one() {
        let [mut a, mut b, mut other] = [7, 7, 8].map(|it| Arc::new(vec![Value::Number(it)]));
        for values in [&mut a, &mut b, &mut other] {
            share(values);
        }
        assert!(Arc::ptr_eq(&a, &b));
        assert!(!Arc::ptr_eq(&a, &other));
    }
}
