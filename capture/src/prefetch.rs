//! Asking the processor for memory before it is needed.
//!
//! A flow table of a million flows is larger than any cache: each packet waits for two look-ups in
//! memory, about 100 ns each. Asked for ahead for a batch of packets, they come at the same time.
//!
//! Unsafe, because the instruction takes a pointer. It only hints: it reads nothing that a program
//! can see, never faults, and the pointer comes from a reference to an element that exists.
#![allow(unsafe_code)]

/// Asks for the element at this place, if there is one; its first 128 octets.
#[inline(always)]
pub(crate) fn prefetch<T>(elements: &[T], place: usize) {
    let Some(element) = elements.get(place) else { return };
    let start = std::ptr::from_ref(element).cast::<i8>();
    line(start);
    if size_of::<T>() > 64 {
        // Within the element, so within its allocation.
        line(start.wrapping_add(64));
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch has no effect but on caches, whatever the address; SSE, of which it is a
    // part, belongs to every x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
fn line(_: *const i8) {}
