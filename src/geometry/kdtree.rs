//! A k-d tree over points of few dimensions.
