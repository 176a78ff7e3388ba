//! Gives memory that was freed back to the system.
//!
//! glibc returns what lies at the end of its heap. What lies between objects that stay is kept for later, and after a burst that can be
//! most of the heap.

/// Gives back all free pages of the heap. Returns whether there were any. Does nothing with other allocators than that of glibc.
///
/// It takes time for each free piece of memory, and other threads that allocate wait meanwhile: milliseconds usually, more after a burst.
#[must_use]
pub fn trim() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: it takes no pointers and returns none. Any thread may call it at any time.
        unsafe { libc::malloc_trim(0) == 1 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::fs;

    /// Resident memory in pages.
    fn resident() -> usize {
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn memory_between_objects_that_stay_goes_back() {
        // Small enough for the heap: larger ones are mapped and unmapped on their own.
        let mut objects: Vec<Vec<u8>> = (0..20_000).map(|_| vec![1; 4_000]).collect();
        let mut number = 0;
        objects.retain(|_| {
            number += 1;
            number % 100 == 0
        });
        let before = resident();
        assert!(super::trim());
        let after = resident();
        assert!(after < before / 2, "{before} pages, then {after}");
        assert_eq!(objects.len(), 200);
    }
}
