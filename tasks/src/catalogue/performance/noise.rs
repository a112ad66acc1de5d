//! Long inputs from a few drawn numbers. Drawing each member separately would take longer than solving the
//! task.

/// Returns `count` pseudo-random numbers below `below` (Sebastiano Vigna's `SplitMix64`).
pub fn numbers(start: u64, count: usize, below: u64) -> impl Iterator<Item = u64> {
    let mut state = start;
    let next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    };
    std::iter::repeat_with(next).take(count)
}
