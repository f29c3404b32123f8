//! saescope: see the shape of a model's features, from a terminal.
//!
//! A sparse autoencoder (SAE) writes a language model's activations as sparse sums of *features*; the rows of its
//! *dictionary* are the features' decoder directions. saescope opens dictionaries and activations as they lie on
//! disk, computes the geometry of the features, and shows it as terminal charts.
//!
//! # The map of the house
//! Data flows one way, from bytes to views; an arrow never points back.
//! ```text
//! path ─► container ─► sae ─► geometry ─► analysis ─► tui | cli | export
//! bytes   named        Dictionary         cached,      views of the same
//! mapped  tensors      Activations        cancellable  queries
//!                      Labels             jobs
//! ```
//! | room | knows | never knows |
//! |---|---|---|
//! | [`container`] | file bytes: safetensors, npy, npz, torch, Arrow, jsonl, csv, yaml; gives named, typed, strided tensors, mapped where the file allows | what an SAE is |
//! | [`sae`] | formats (one file each, one table), detection, activations, tokens, labels, encoding | geometry, terminals |
//! | [`geometry`] | pure kernels over views: neighbours, projections, clusters, firing together, clouds and their shapes | files, channels, terminals |
//! | [`analysis`] | one opened study, its cached results, jobs, filters, selections: the queries that every front end asks | how anything is drawn |
//! | [`export`] | writers: csv, json, npy, npz; pages with plots | where rows and points came from |
//! | [`config`] | settings: defaults, file, environment, flags | what a verb does with them |
//! | [`tui`] | terminal, events, actions, views, widgets; frames as text, SVG and PNG | how a number is computed |
//! | [`cli`] | verbs over the same queries | the terminal screen |
//!
//! Three small modules are shared vocabulary and import no room: [`error`] (what went wrong and what to try),
//! [`rows`] (a matrix handed over row by row) and [`task`] (threads, cancellation, progress), with [`text`]
//! (the one place where text from files is made safe to print) and `wide` (loops compiled for the processor's vectors).
//!
//! # Invariants
//! 1. `container`, `sae` and `geometry` never import `analysis`, `tui` or `cli`.
//! 2. Only `tui::terminal` writes to the terminal; only `cli` prints.
//! 3. Only `tui::app::App::update` changes the screen's state; views are functions of it.
//! 4. The same input, parameters and seed give the same bytes at any number of threads.
//! 5. Every loop longer than about 10 ms polls [`task::Task::check`] and reports progress; a result of an older
//!    generation is never shown.
//! 6. A matrix is read in tiles from its mapping; no second full copy is made. Each kernel documents its peak memory, and
//!    the bench `memory` measures it.
//! 7. Every number on screen can be had by a verb as JSON, computed by the same function.
//! 8. What comes from a file is hostile: sizes are checked before allocation, and text passes [`text::printable`]
//!    before it reaches a terminal.

pub mod analysis;
pub mod cli;
pub mod config;
pub mod container;
pub mod error;
pub mod export;
pub mod geometry;
pub mod rows;
pub mod sae;
pub mod task;
pub mod text;
pub mod tui;
mod wide;

pub use error::{Error, Result};
