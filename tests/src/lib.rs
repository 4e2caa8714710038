//! Whole-suite tests. Each folder beside this one is a test binary; what they share stands here.
