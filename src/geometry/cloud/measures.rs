//! The table of measures: one row each, from which json, columns, screen and documentation are made.

use super::{Plane, Shape};
use crate::text::markdown_table;
use serde_json::{Value, json};

/// One measure of a cloud.
pub struct Measure {
    /// Its name in json; columns of csv begin with it.
    pub name: &'static str,
    /// What it tells, in one line.
    pub about: &'static str,
    /// Whether it comes with the quick ones.
    pub quick: bool,
    value: fn(&Shape) -> Value,
}

/// All measures, in the order in which they are written.
pub const MEASURES: &[Measure] = &[
    Measure { name: "points", about: "number of points", quick: true, value: |shape| json!(shape.points) },
    Measure {
        name: "places",
        about: "places that hold them: points that differ by rounding alone count once",
        quick: false,
        value: |shape| json!(shape.places),
    },
    Measure {
        name: "sampled",
        about: "points, evenly taken, that neighbours, clumps, loops and the line were computed on; null if on all",
        quick: false,
        value: |shape| json!(shape.sampled),
    },
    Measure { name: "dim", about: "width of a point", quick: true, value: |shape| json!(shape.dim) },
    Measure {
        name: "mode",
        about: "how separability and mixture were found: exact, paper or script; figures of different modes do not compare",
        quick: true,
        value: |shape| json!(shape.mode),
    },
    Measure {
        name: "explained_variance_ratio",
        about: "share of the variance along each principal component, largest first",
        quick: true,
        value: |shape| json!(shape.explained_variance_ratio),
    },
    Measure {
        name: "participation_ratio",
        about: "(Σλ)²/Σλ² of the variances: how many directions share the variance",
        quick: true,
        value: |shape| json!(shape.participation_ratio),
    },
    Measure {
        name: "entropy_rank",
        about: "exp of the entropy of the shares of variance: the same, less swayed by the largest",
        quick: true,
        value: |shape| json!(shape.entropy_rank),
    },
    Measure {
        name: "intrinsic_dimension",
        about: "along how many directions one can move: TwoNN (likelihood and fit), Levina and Bickel's MLE, local PCA",
        quick: false,
        value: |shape| json!(shape.intrinsic_dimension),
    },
    Measure {
        name: "null_dimension",
        about: "their median on PCA-matched Gaussians: what spread alone reads",
        quick: false,
        value: |shape| json!(shape.null_dimension),
    },
    Measure {
        name: "planes",
        about: "of each plane of the first five components: separability S in bits with the 95th percentile of its null, ε-mixture M, and how ring-like it is",
        quick: true,
        value: |shape| Value::Array(shape.planes.iter().map(plane).collect()),
    },
    Measure {
        name: "irreducibility",
        about: "mean of (1 - M) S over the planes 12, 23, 34, 45 (Engels et al. 2025)",
        quick: true,
        value: |shape| json!(shape.irreducibility),
    },
    Measure {
        name: "homology",
        about: "loops: H1 intervals of the Rips filtration on landmarks, longest first, beside the null's 95th percentile; in the span, then in the most ring-like planes",
        quick: false,
        value: homology,
    },
    Measure {
        name: "circular",
        about: "the most ring-like plane, how round and closed the cloud is there, and how evenly its angles are spread (1: evenly)",
        quick: true,
        value: circular,
    },
    Measure {
        name: "clumps",
        about: "tight clumps: how many, how far apart against their reach, and the share of the points that they hold",
        quick: false,
        value: |shape| json!(shape.clumps),
    },
    Measure {
        name: "line",
        about: "how well path lengths along the cloud are distances along one line (1: a curve), and its length",
        quick: false,
        value: |shape| json!(shape.line),
    },
    Measure {
        name: "verdict",
        about: "what the rules make of it: loop, loops, arc, curve, surface, blob, points, tree or unclear",
        quick: false,
        value: |shape| json!(shape.verdict.as_ref().map(|verdict| verdict.word)),
    },
    Measure {
        name: "verdict_evidence",
        about: "the reasons",
        quick: false,
        value: |shape| json!(shape.verdict.as_ref().map(|verdict| &verdict.evidence)),
    },
    Measure {
        name: "labels",
        about: "with labels: shares of points nearest to their own class, the classes around the best plane, isometry",
        quick: false,
        value: |shape| json!(shape.labels),
    },
];

fn plane(plane: &Plane) -> Value {
    json!({
        "pcs": plane.pcs,
        "separability_bits": plane.indices.map(|indices| indices.separability),
        "separability_null": plane.indices.and_then(|indices| indices.separability_null),
        "mixture": plane.indices.map(|indices| indices.mixture),
        "ring": plane.ring.map(|ring| ring.quality()),
    })
}

fn homology(shape: &Shape) -> Value {
    let Some((span, planes)) = shape.homology.split_first() else { return Value::Null };
    let mut value = json!(span);
    if let Value::Object(fields) = &mut value {
        fields.insert("planes".into(), json!(planes));
    }
    value
}

fn circular(shape: &Shape) -> Value {
    let Some((plane, ring)) = shape.best().and_then(|plane| Some((plane, plane.ring?))) else { return Value::Null };
    json!({
        "plane": plane.pcs,
        "coordinate_spread": ring.spread,
        "roundness": ring.roundness,
        "coverage": ring.coverage,
    })
}

/// The table as the README shows it.
pub fn markdown() -> String {
    markdown_table("measure", MEASURES.iter().map(|measure| (measure.name, measure.about)))
}

/// Every measure of `shape` by name, in the order of the table.
pub fn json(shape: &Shape) -> Vec<(String, Value)> {
    MEASURES.iter().map(|measure| (measure.name.to_string(), (measure.value)(shape))).collect()
}
