//! Long ways through what can happen, by chance: further than all ways can be followed.

use crate::explore::Model;
use crate::world::World;

/// Goes so many ways of so many steps; says what is wrong at the end of the first that leads to something
/// wrong, and how it came to it.
pub(crate) fn walk(world: &mut World, ways: u64, steps: usize) -> Option<String> {
    let seeds = world.seeds();
    let mut next = Vec::new();
    for way in 0..ways {
        let mut dice = way.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |sides: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice >> 32).unwrap() % sides
        };
        let mut state = seeds[below(seeds.len())];
        let mut told = vec![world.tell(None, &state)];
        for _ in 0..steps {
            world.next(&state, &mut next);
            if next.is_empty() {
                break;
            }
            let (action, then) = next.swap_remove(below(next.len()));
            next.clear();
            state = then;
            told.push(world.tell(Some(action), &state));
            let wrong = world.violation(&state).or_else(|| world.stuck(&state));
            if let Some(what) = wrong {
                return Some(format!("way {way}: {what}\n  {}", told.join("\n  ")));
            }
        }
    }
    None
}
