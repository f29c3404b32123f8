//! Plots of the map and of a group.
